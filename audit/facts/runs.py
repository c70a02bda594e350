"""What a real run showed: violations (GALEED_REPORT) and accesses that were served (GALEED_PROFILE), a JSON line each.

Invariant: a line that is none of these is a note, never an error; equal ones are counted together. What a line
names is looked up only in regular files. Whoever can write the file can claim a run: it is shown as that, and a
place is told by the file that a line names.
Source: mpk/report.schema.json; pseudoptr/rust/src/serve/profile.rs.
"""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from audit.errors import AuditError, reading
from audit.files import shown
from mpk.places import Place, image
from mpk.report import is_runtime
from mpk.scanner.command import printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

_VIOLATIONS = ("spatial", "temporal", "forged", "rights", "type", "boundary")
_ACCESSES = ("read", "write", "execute", "free", None)
_SERVED = {"load": "read", "store": "write", "update": "update", None: "access"}
_MOST_LINE_BYTES = 1 << 20
_MOST_LINES = 1 << 20
_MOST_SITES = 1 << 12
_MOST_LOCATED = 200  # by symbols and DWARF, which takes a while each
_MOST_NOTES = 10
_MOST_MODULE_BYTES = 2 << 30
_MOST_NAME = 200


@dataclass(frozen=True)
class Seen:
    """One place of a run. kind: trapped: served by a fault, as code is that was not rewritten; called: by a call of rewritten code.
    function: of C, where it happened; entry: that which the host had called. place: file (from the working directory, where it lies
    below it) and line, None where debug information has none. rule: of the finding that it belongs to."""

    kind: Literal["violation", "trapped", "called"]
    violation: str
    access: str
    function: str
    entry: str
    module: str
    offset: int | None
    text: str
    origin: str
    place: tuple[str, int] | None = None
    count: int = 1
    is_raw: bool = False
    rule: str = ""

    @property
    def headline(self) -> str:
        """One line."""
        what = f"{self.violation} violation" if self.violation else self.kind
        times = f"; {self.count} times" if self.count > 1 else ""
        return f"{what} in {self.where}: {self.text}{times}" + (f" [{self.rule}]" if self.rule else "")

    @property
    def where(self) -> str:
        """For people."""
        name = self.function or (
            f"{self.module}+{self.offset or 0:#x}" if self.module else self.entry or "code unknown"
        )
        return f"{name} ({self.place[0]}:{self.place[1]})" if self.place else name


def read(path: Path, notes: list[str]) -> list[Seen]:
    """In the order of the file. Raises AuditError where there is no such file; what else is wrong becomes a note, a line each."""
    found: dict[tuple[object, ...], Seen] = {}
    told: dict[tuple[object, ...], dict[str, Any]] = {}
    wrong: list[str] = []
    learnt = left = 0
    for number, line in _lines(path, wrong):
        try:
            line_of = _record(line)
            if "unit" in line_of and "violation" not in line_of:
                learnt += 1
                continue
            seen = _violation(line_of, str(path)) if "violation" in line_of else _served(line_of, str(path))
        except (ValueError, RecursionError) as error:
            wrong.append(f"{path}:{number}: no line that a run writes: {_reason(error)}")
            continue
        key = (seen.kind, seen.violation, seen.access, seen.function, seen.entry, seen.module, seen.offset, seen.is_raw)
        if key in found:
            found[key] = replace(found[key], count=found[key].count + seen.count)
        elif len(found) < _MOST_SITES:
            found[key], told[key] = seen, line_of
        else:
            left += 1
    notes += wrong[:_MOST_NOTES]
    if len(wrong) > _MOST_NOTES:
        notes.append(f"{path}: {len(wrong) - _MOST_NOTES} more lines are none that a run writes")
    if left:
        notes.append(f"{path}: more than {_MOST_SITES} places; {left} lines of others were left out")
    if learnt:
        notes.append(
            f'{path}: {learnt} lines of profile = "learn", which are for that key of galeed.toml, not for the audit'
        )
    if len(found) > _MOST_LOCATED:
        notes.append(
            f"{path}: {len(found) - _MOST_LOCATED} of {len(found)} places were not looked up in debug information"
        )
    return [_located(seen, told[key]) if at < _MOST_LOCATED else seen for at, (key, seen) in enumerate(found.items())]


def _lines(path: Path, wrong: list[str]) -> Iterator[tuple[int, bytes]]:
    try:
        # A pipe would be waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise AuditError(f"{path}: is no file")
            yield from _numbered(path, file, wrong)
    except (OSError, ValueError) as error:
        raise AuditError(f"{path}: {getattr(error, 'strerror', None) or error}") from error


def _numbered(path: Path, file: BinaryIO, wrong: list[str]) -> Iterator[tuple[int, bytes]]:
    for number in range(1, _MOST_LINES + 1):
        line = file.readline(_MOST_LINE_BYTES)
        if not line:
            return
        if len(line) == _MOST_LINE_BYTES and not line.endswith(b"\n"):
            wrong.append(f"{path}:{number}: is longer than {_MOST_LINE_BYTES >> 20} MiB: no line that a run writes")
            while line and not line.endswith(b"\n"):
                line = file.readline(_MOST_LINE_BYTES)
        elif line.strip():
            yield number, line
    if file.read(1):
        wrong.append(f"{path}: has more than {_MOST_LINES} lines; the others were not read")


def _record(line: bytes) -> dict[str, Any]:
    found = json.loads(line)
    if not isinstance(found, dict):
        raise ValueError("no JSON object")  # noqa: TRY004  (of the line, not of a caller)
    if "violation" not in found and found.get("profile") != 1:
        raise ValueError("neither a violation nor a profile")
    return found


def _reason(error: Exception) -> str:
    if isinstance(error, (json.JSONDecodeError, UnicodeDecodeError)):
        return "is no JSON, or was cut off"
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)[:_MOST_NAME]


def _word(told: dict[str, Any], key: str) -> str:
    value = told.get(key)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"'{key}' is no text")
    return printable(value or "")[: 20 * _MOST_NAME if key == "module" else _MOST_NAME]


def _number(told: dict[str, Any], key: str) -> int | None:
    value = told.get(key)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 1 << 64):
        raise ValueError(f"'{key}' is no number of 64 bits")
    return value


def _address(told: dict[str, Any], key: str) -> int | None:
    text = _word(told, key)
    value = int(text, 16) if text else None
    if value is not None and not 0 <= value < 1 << 64:
        raise ValueError(f"'{key}' is no address")
    return value


def _violation(told: dict[str, Any], origin: str) -> Seen:
    violation, access, allocation = told["violation"], told.get("access"), told.get("allocation")
    if violation not in _VIOLATIONS or access not in _ACCESSES:
        raise ValueError("an unknown violation or access")
    if allocation is not None and not isinstance(allocation, dict):
        raise ValueError("'allocation' is no object")
    size, offset, entry = _number(told, "bytes"), _number(told, "offset"), _word(told, "function")
    text = (access or "access") + (f" of {size} byte{'s' * (size != 1)}" if size else "")
    if offset is not None:
        text += f" at offset {offset}"
    whole = _number(allocation, "bytes") if allocation else None
    if whole is not None:
        text += f" of an allocation of {whole} bytes"
    if entry:
        text += f", in a call of {entry}"
    detail = _word(told, "detail")
    text += f": {detail}" if detail else ""
    return Seen(
        "violation", violation, access or "", "", entry, _word(told, "module"), _address(told, "module_offset"), text, origin
    )  # fmt: skip


def _served(told: dict[str, Any], origin: str) -> Seen:
    access, count, size = told.get("access"), _number(told, "count"), _number(told, "bytes")
    if not isinstance(access, str | None) or access not in _SERVED or count is None or count < 1:
        raise ValueError("an unknown access or count")
    trapped, raw = told.get("trapped"), told.get("raw", False)
    if not isinstance(trapped, bool) or not isinstance(raw, bool):
        raise ValueError("'trapped' or 'raw' is neither true nor false")  # noqa: TRY004
    what = f"{_SERVED[access]} of {size or 0} bytes"
    who = "by a fault" if trapped else "by a call"
    text = f"{what} {who}{', by a raw address' if raw else ''}, served"
    return Seen(
        "trapped" if trapped else "called", "", _SERVED[access], _word(told, "function").removesuffix(".foreign"), "",
        _word(told, "module"), _address(told, "offset"), text, origin, count=count, is_raw=raw,
    )  # fmt: skip


def _located(seen: Seen, told: dict[str, Any]) -> Seen:
    """With function and line, as far as the files that it names are here."""
    place = _place(seen.module, seen.offset)
    text = seen.text
    made = _own_site(told) if seen.kind == "violation" else ""
    if made:
        text += f"; allocated at {made}"
    line = (shown(printable(place.file)), place.line) if place.file and place.line else None
    return replace(seen, function=printable(place.function or "")[:_MOST_NAME] or seen.function, place=line, text=text)


def _place(module: str, offset: int | None) -> Place:
    if offset is None or not _is_readable(module):
        return Place()
    try:
        with reading(module):
            return image(module).place(offset)
    except Exception:  # whatever a file that somebody named does to the parser: then the place is not known
        return Place()


def _is_readable(module: str) -> bool:
    try:
        found = Path(module).stat()
    except (OSError, ValueError):
        return False
    return stat.S_ISREG(found.st_mode) and found.st_size <= _MOST_MODULE_BYTES and not module.startswith("/proc/")


def _own_site(told: dict[str, Any]) -> str:
    """Where in the program's own source the allocation was made, when that was recorded."""
    site = told.get("allocated")
    frames = site.get("frames") if isinstance(site, dict) else None
    for frame in frames if isinstance(frames, list) else ():
        module, offset = (frame.get("module"), frame.get("module_offset")) if isinstance(frame, dict) else (None, None)
        if not isinstance(module, str) or not isinstance(offset, str):
            continue
        try:
            place = _place(module, int(offset, 16))
        except ValueError:
            continue
        if place.file and place.line and not _is_of_library(place):
            return f"{printable(place.file)}:{place.line}"
    return ""


def _is_of_library(place: Place) -> bool:
    """Rust's own source, or the runtime's."""
    file = place.file or ""
    return "/rustc/" in file or "/rustlib/" in file or is_runtime(place.function or "")
