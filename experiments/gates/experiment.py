"""Measures gates and mpk_call against two bare WRPKRU, and their parts on any machine.

A whole crossing needs protection keys: on mprotect it is system calls, and the same
path without its WRPKRU is not the same path. So where there are none, the figures of
crossings are `unavailable`, and only what they add to the two WRPKRU is measured:
the stack switch and the scrub, by the runtime's own code.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from experiments import machine, process
from experiments.bench.figures import Figure, report
from experiments.model import Experiment, LabError, Report
from experiments.workshop import BUILDS, ROOT, clean_environment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from experiments.model import Json, Options

COMPILE = ("cc", "-std=gnu11", "-O2", "-pthread", "-Impk/csrc")
GATE_GOAL = 1.25
CALL_GOAL = 1.6
WHOLE = (
    ("gate, verified both ways / two WRPKRU", "gate", GATE_GOAL),
    ("mpk_call: with stack switch and scrub / two WRPKRU", "call", CALL_GOAL),
)
PARTS = (
    ("stack switch, there and back", "switch", "a crossing has one"),
    ("scrub of all registers", "scrub", "a crossing has two"),
    ("vzeroall alone", "vzeroall", "for scale: the scrub does without"),
)


def _program() -> Path:
    program = BUILDS / "gates"
    program.parent.mkdir(parents=True, exist_ok=True)
    sources = sorted(map(str, (ROOT / "mpk" / "csrc").glob("*.c")))
    command = [*COMPILE, "experiments/gates/gates.c", *sources, "-o", str(program)]
    done = subprocess.run(command, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        first = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr.strip())
        raise LabError(f"the gate benchmark does not compile: {first}")
    return program


def figures_of(line: Mapping[str, Json], backend: str) -> list[Figure]:
    """The figures of one run. Raises LabError when the program's line lacks its times."""
    times, counts = line.get("times_ns"), line.get("instructions")
    if not isinstance(times, dict) or not isinstance(counts, dict):
        raise LabError(f"the gate benchmark measured nothing on {backend}")
    ns = {name: float(str(value)) for name, value in times.items()}
    figures = []
    for name, part, goal in WHOLE if backend == "pku" else ():
        note = f"{ns[part]:.1f} ns over {ns['two_wrpkru']:.1f} ns; {counts.get(part, 'unknown')} instructions"
        figures.append(Figure(name, backend, ns[part] / ns["two_wrpkru"], goal, note=note))
    for name, part, note in PARTS:
        if part in ns:
            figures.append(Figure(name, backend, ns[part], None, unit="ns", note=f"{ns[part]:.1f} ns; {note}"))
    return figures


def run(options: Options) -> Report:
    """Measures and writes. Raises LabError on an emulated CPU or when nothing can be built."""
    facts = machine.facts_for_times(options.say)
    program = _program()
    figures: list[Figure] = []
    for backend in options.backends:
        if not machine.usable(backend, options.say):
            figures += [Figure(name, backend, None, goal, note=machine.NO_KEYS) for name, _, goal in WHOLE]
            continue
        options.say(f"measuring crossings on {backend}")
        ending = process.run([program], backend, options.output / f"gates.{backend}")
        if ending.code != 0:
            raise LabError(f"the gate benchmark failed: {ending}; see {ending.stderr}")
        figures += figures_of(ending.line, backend)
    return report(figures, facts, options.output / "result.json")


EXPERIMENT = Experiment(
    name="gates",
    claim="A gate verified both ways costs little more than its two WRPKRU, also with a stack switch and a scrub",
    source="[ERIM §6], [Hodor 4.3]",
    expected="each figure met; never a failure, for times depend on the machine",
    run=run,
)
