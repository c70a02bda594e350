"""How long the audit takes beside what it audits: `make audit-speed`.

E rules over a library of at least 100 MB (rustc's own, which every machine with Rust has), and a crate with its C library beyond
its own build; the cache is off. Clock and CPU are both told (of this process and its children): where other work runs beside it, the clock
says little. Writes audit-speed.json and .txt into the folder.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from audit.build import registry
from audit.errors import AuditError
from audit.inputs import Choices, load, prepare, read
from audit.rules import RULES
from audit.run import findings
from experiments import machine
from experiments.model import LabError
from experiments.output import as_json, write_atomically

if TYPE_CHECKING:
    from experiments.model import Json

_LEAST_BYTES = 100_000_000
_E_GOAL_SECONDS, _CRATE_GOAL_SECONDS = 0.5, 60.0
_ROUNDS = 5


def _silent(line: str) -> None:
    """No progress: it would be measured."""


def library() -> Path | None:
    """The largest shared library of the toolchain, if it is large enough."""
    root = subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True, check=True).stdout.strip()
    found = max(Path(root, "lib").glob("*.so*"), key=lambda path: path.stat().st_size, default=None)
    return found if found is not None and found.stat().st_size >= _LEAST_BYTES else None


def _cpu() -> float:
    return sum(os.times()[:4])


def binary_seconds(path: Path) -> tuple[float, float]:
    """Reading and E rules, clock and CPU, the best of some rounds; without Python's start."""
    rules = [each for each in RULES if each.id.startswith("E")]
    taken = []
    for _ in range(_ROUNDS):
        start, cpu = time.perf_counter(), _cpu()
        findings(load([str(path)], [], _silent), rules)
        taken.append((time.perf_counter() - start, _cpu() - cpu))
    return min(each for each, _ in taken), min(each for _, each in taken)


def crate_seconds(word: str) -> tuple[tuple[float, float], tuple[float, float]]:
    """Clock and CPU of the build of everything anew, and of the audit after it."""
    name, _, version = word.partition("==")
    folder = registry.crate(name, version)
    subprocess.run(
        ["cargo", "clean", "--quiet", "--target-dir", folder / "target" / "galeed-audit"], cwd=folder, check=True
    )
    marks = [(time.perf_counter(), _cpu())]
    inputs = prepare([word], _silent, Choices())
    marks.append((time.perf_counter(), _cpu()))
    findings(read(inputs, [], _silent))
    marks.append((time.perf_counter(), _cpu()))
    build, audit = ((after[0] - before[0], after[1] - before[1]) for before, after in pairwise(marks))
    return build, audit


def main() -> int:
    """Exit code: 0 both goals met by the CPU's time, 1 not, 2 it cannot be measured."""
    parser = argparse.ArgumentParser(prog="python -m experiments.audit_corpus.speed")
    parser.add_argument("out", type=Path, metavar="FOLDER", help="where the results go")
    parser.add_argument("crate", metavar="NAME==VERSION", help="of cargo's registry cache")
    options = parser.parse_args()
    try:
        return _measure(options.out, options.crate)
    except (AuditError, LabError, OSError, subprocess.SubprocessError) as error:
        print(error, file=sys.stderr)
        return 2


def _measure(out: Path, word: str) -> int:
    facts = machine.facts_for_times(print)
    path, lines, met = library(), [], True
    result: dict[str, Json] = {"machine": facts}
    if path is not None:
        (clock, cpu), size = binary_seconds(path), path.stat().st_size
        met &= cpu <= _E_GOAL_SECONDS
        result["binary"] = {
            "file": path.name, "bytes": size, "seconds": round(clock, 3), "cpu_seconds": round(cpu, 3), "goal_seconds": _E_GOAL_SECONDS,
        }  # fmt: skip
        lines.append(
            f"E rules over {path.name} ({size / 1e6:.0f} MB): {clock:.2f} s, CPU {cpu:.2f} s (goal {_E_GOAL_SECONDS} s)"
        )
    build, audit = crate_seconds(word)
    met &= audit[1] <= _CRATE_GOAL_SECONDS
    result["crate"] = {
        "crate": word, "build_seconds": round(build[0], 1), "build_cpu_seconds": round(build[1], 1), "audit_seconds": round(audit[0], 1),
        "audit_cpu_seconds": round(audit[1], 1), "cpu_ratio": round(audit[1] / build[1], 2), "goal_seconds": _CRATE_GOAL_SECONDS,
    }  # fmt: skip
    lines.append(
        f"{word}: build {build[0]:.1f} s (CPU {build[1]:.1f} s), audit {audit[0]:.1f} s (CPU {audit[1]:.1f} s), "
        f"{audit[1] / build[1]:.2f} of the build's CPU (goal {_CRATE_GOAL_SECONDS:.0f} s)"
    )
    write_atomically(out / "audit-speed.json", as_json(result))
    write_atomically(out / "audit-speed.txt", "\n".join(lines) + "\n")
    print("\n".join(lines))
    return int(not met)


if __name__ == "__main__":
    sys.exit(main())
