"""``galeed-report``: the violations that GALEED_REPORT collected, with file and line of the source.

With GALEED_SITES also where the allocation was made and where it ended. The lines' schema
is report.schema.json beside this file.

The runtime writes a violation while the program may be at its end, in a signal handler; it
says which file the code lies in and where. Debug information is looked up here, afterwards:
build with -g for file and line.

Exit code: 0 no violations, 1 some, 2 usage, or a report that cannot be read.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from mpk.places import Place, PlaceError, image

_SITES = ("allocated", "ended")
# Functions that say nothing about the program: the runtime's own, and the standard library's
# (Rust's two ways to mangle a path that begins with these crates).
_RUNTIME = re.compile(
    r"^_?mpk_|^__rust|^(alloc|free|realloc)_told$|___rust_(alloc|dealloc|realloc)|^walk$"
    r"|^_ZN\d+(_\$LT\$)?(alloc|core|std|galeed|galeed_mpk)(\d|\.\.)"
    r"|^_R[A-Za-z]*?C(s[0-9A-Za-z]*_)?(5alloc|4core|3std|6galeed|10galeed_mpk)"
)
_WORDS = ("violation", "access", "function", "detail", "backend", "action")


class ReportError(Exception):
    """Not a report of the runtime, and where."""


def is_runtime(function: str) -> bool:
    """Does it say nothing about the program: the runtime's own, or Rust's library's?"""
    return _RUNTIME.search(function) is not None


def read(text: str, name: str) -> Iterator[dict[str, Any]]:
    """The violations of a report's text, one JSON object a line. Raises ReportError."""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            told = json.loads(line)
        except ValueError as error:
            raise ReportError(f"{name}:{number}: not JSON: {error}") from error
        if not isinstance(told, dict) or "violation" not in told:
            raise ReportError(f"{name}:{number}: no violation; is this what GALEED_REPORT named?")
        yield told


@cache
def _place(module: str, offset: int) -> Place:
    return image(module).place(offset)


def locate(told: dict[str, Any]) -> tuple[Place, str]:
    """Where in the source, and why no more is known ("": all is)."""
    module, offset = told.get("module"), told.get("module_offset")
    if not isinstance(module, str) or not isinstance(offset, str):
        return Place(), "the runtime did not learn which file the code is in"
    try:
        place = _place(module, int(offset, 16))
    except (PlaceError, ValueError) as error:
        return Place(), str(error)
    return place, "" if place.line else f"{module} has no debug information for it: build with -g"


def site_of(told: dict[str, Any], name: str) -> list[tuple[dict[str, Any], Place]]:
    """The frames of a site and where they are in the source, innermost first; [] when none was recorded."""
    site = told.get(name)
    frames = site.get("frames") if isinstance(site, dict) else None
    return [(frame, locate(frame)[0]) for frame in frames or [] if isinstance(frame, dict)]


def _site_in_words(told: dict[str, Any], name: str) -> list[str]:
    """The program's own calls; all of them where none of them is known to be."""
    frames = site_of(told, name)
    own = [(frame, place) for frame, place in frames if place.line and not _RUNTIME.search(place.function or "")]
    lines = [f"  {name} by thread {told[name].get('thread')}:"] if frames else []
    for frame, place in own or frames:
        where = (
            f"{place.file}:{place.line}" if place.line else f"{frame.get('module') or ''}+{frame.get('module_offset')}"
        )
        lines.append(f"    {where}" + (f" in {place.function}" if place.function else ""))
    return lines


def in_words(told: dict[str, Any], place: Place, why: str) -> str:
    """One paragraph, the place first, as compilers say it."""
    where = (
        f"{place.file}:{place.line}" if place.line else f"{told.get('module') or 'unknown'}+{told.get('module_offset')}"
    )
    inside = f" in {place.function}" if place.function else ""
    words = {key: told.get(key) for key in _WORDS}
    size = f" of {told['bytes']} bytes" if told.get("bytes") else ""
    called = f", called as {words['function']}" if words["function"] else ""
    lines = [f"{where}: {words['violation']} violation{inside}: {words['access'] or 'access'}{size}{called}"]
    lease, allocation = told.get("lease"), told.get("allocation")
    if isinstance(lease, dict):
        lines.append(f"  at offset {told.get('offset')} of lease #{lease.get('index')}, {lease.get('bound')} bytes")
    elif isinstance(allocation, dict):
        lines.append(f"  at {told.get('address')}, in an allocation of {allocation.get('bytes')} bytes")
    lines += [f"  {each}" for each in (words["detail"], why) if each]
    for site in _SITES:
        lines += _site_in_words(told, site)
    name = f" ({told['thread_name']})" if told.get("thread_name") else ""
    thread = f", thread {told['thread']}{name}" if told.get("thread") else ""
    return "\n".join([*lines, f"  {words['backend']}, {words['action']}{thread}"])


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="galeed-report",
        description="Says where in the source the violations of a report happened.",
        epilog="Exit status: 0 no violations, 1 some, 2 a report that cannot be read.",
    )
    parser.add_argument("report", nargs="?", default="-", help="what GALEED_REPORT named (default: standard input)")
    parser.add_argument(
        "--json", action="store_true", help="the same lines, with source_file, source_line and more, also in each frame"
    )
    return parser.parse_args(argv)


def _source(place: Place) -> dict[str, Any]:
    found = {"function": place.function, "file": place.file, "line": place.line, "column": place.column}
    return {f"source_{key}": value for key, value in found.items()}


def _located(told: dict[str, Any], name: str) -> dict[str, Any]:
    frames = [{**frame, **_source(place)} for frame, place in site_of(told, name)]
    return {**told[name], "frames": frames} if frames else {}


def _run(argv: Sequence[str] | None) -> int:
    options = _arguments(argv)
    name = "standard input" if options.report == "-" else options.report
    data = sys.stdin.read() if options.report == "-" else Path(options.report).read_text(encoding="utf-8")
    found = 0
    for told in read(data, name):
        place, why = locate(told)
        found += 1
        if options.json:
            sites = {name: _located(told, name) for name in _SITES}
            print(json.dumps({**told, **_source(place), **{name: site for name, site in sites.items() if site}}))
        else:
            print(in_words(told, place, why))
    return 1 if found else 0


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of ``galeed-report``. Returns the exit code."""
    try:
        status = _run(argv)
        sys.stdout.flush()
    except ReportError as error:
        problem = str(error)
    except UnicodeDecodeError:
        problem = "the report is no text"
    except OSError as error:
        problem = f"{error.filename or 'standard output'}: {error.strerror}"
    else:
        return status
    print(f"galeed-report: {problem}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
