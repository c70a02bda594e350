"""Writes audit/docs/CORPUS.md of a corpus's results: `python -m experiments.audit_corpus.page FOLDER PAGE LIST`."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit.corpus.units import units
from audit.errors import AuditError
from audit.rules import RULES
from experiments import machine
from experiments.model import LabError

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEAD = """\
# Real crates, audited

Written by what `make audit-corpus` ends with, from the results of `galeed-audit corpus`; not by hand. The
crates are those of `experiments/audit_corpus/crates.txt`, which says where their order comes from. Each is
built with the C library that it brings along and audited in a process of its own. Peak: the
most memory of all its processes together, compilers included, without what is only a file's. Build: cargo, bitcode of the C
included. Audit: everything after it. Findings: by rule, S01 (a count, no complaint) left out; of low confidence, hidden by
default, in brackets; not all of them were looked at one by one. No C modules: the crate took the system's library, or
its build failed before.

"""
_COLUMNS = "| crate | state | build s | audit s | audit / build | peak MiB | C modules | findings |\n|---|---|--:|--:|--:|--:|--:|---|\n"


def page(rows: Sequence[dict[str, Any]], facts: dict[str, Any], missing: Sequence[str]) -> str:
    """rows: of summary.jsonl. facts: of the machine. missing: what was asked and has no result."""
    shown = (f"{name} {facts[name]}" for name in ("cpu", "cpus", "load_1min", "kernel", "rustc", "python", "date"))
    sums = Counter(each["status"] for each in rows)
    text = (
        _HEAD + f"Machine: {'; '.join(shown)}. Other work ran on it where the load says so: times are upper bounds.\n\n"
    )
    text += f"{len(rows)} crates: {', '.join(f'{number} {status}' for status, number in sums.items())}. "
    text += "Crashed would be the auditor's own fault; none is allowed.\n\n" + _COLUMNS
    text += "".join(map(_row, rows))
    text += "\n## By rule and confidence\n\n| rule | high | medium | low |\n|---|--:|--:|--:|\n"
    counts = Counter[tuple[str, str]]()
    for each in rows:
        for rule, confidence, number in each["findings"]:
            counts[rule, confidence] += number
    for rule in (each.id for each in RULES if each.id != "S01"):
        if any(counts[rule, level] for level in ("high", "medium", "low")):
            text += (
                f"| {rule} | " + " | ".join(str(counts[rule, level]) for level in ("high", "medium", "low")) + " |\n"
            )
    reasons = [each for each in rows if each["reason"]]
    if reasons:
        text += "\n## Not audited whole\n\n" + "".join(
            f"- {each['unit']}: {_plain(each['reason'])}\n" for each in reasons
        )
    if missing:
        text += f"\n## Not run yet\n\n{', '.join(missing)}: the run was stopped before; the same command goes on.\n"
    return text


def _row(each: dict[str, Any]) -> str:
    features = f" [{', '.join(each['features'])}]" if each["features"] else ""
    build, audit = each["build_seconds"], each["audit_seconds"]
    times = f"{build:.1f} | {audit:.1f} | {audit / build:.2f}" if build else f"{each['seconds']:.1f} | | "
    return (
        f"| {each['unit'].replace('==', ' ')}{features} | {each['status']} | {times} | {each['peak_bytes'] >> 20} | "
        f"{each['c_modules']} | {_found(each['findings'])} |\n"
    )


def _found(findings: Sequence[tuple[str, str, int]]) -> str:
    sure, low = Counter[str](), Counter[str]()
    for rule, confidence, number in findings:
        if rule != "S01":
            (low if confidence == "low" else sure)[rule] += number
    words = [f"{rule} {number}" for rule, number in sorted(sure.items())]
    hidden = [f"{rule} {number}" for rule, number in sorted(low.items())]
    return ", ".join(words) + (f" ({', '.join(hidden)})" if hidden else "")


def _plain(reason: str) -> str:
    """Without the folders of the machine that it ran on."""
    home = str(Path.home())
    return reason.replace(f"{home}/.cache/galeed/audit/", "").replace(home, "~").replace("|", "\\|")


def main() -> int:
    """Exit code: 0 written, 2 there are no results, or no such list."""
    parser = argparse.ArgumentParser(prog="python -m experiments.audit_corpus.page")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="what galeed-audit corpus --out named")
    parser.add_argument("page", type=Path, metavar="PAGE", help="the file that is written")
    parser.add_argument("list", metavar="LIST", help="the crates that were asked")
    options = parser.parse_args()
    folder, target = options.folder, options.page
    try:
        asked = [each.word for each in units([options.list])]
        rows = [json.loads(line) for line in (folder / "summary.jsonl").read_text(encoding="utf-8").splitlines()]
        missing = [each for each in asked if each not in {row["unit"] for row in rows}]
        target.write_text(page(rows, machine.facts(), missing), encoding="utf-8")
    except (OSError, ValueError, KeyError, AuditError, LabError) as error:
        print(f"{folder}: no results of a corpus: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
