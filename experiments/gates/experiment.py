"""Measures gates and mpk_call against two bare WRPKRU, and their parts on any machine.

A whole crossing needs protection keys: on mprotect it is system calls. So where there are
none, the figures of crossings are `unavailable`, and what is measured is a crossing
without its key writes (without_keys.py), and two of its parts, by the runtime's own
code. What that would make with published prices of WRPKRU is an `estimate`.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from experiments import machine, process
from experiments.bench.figures import Figure, report
from experiments.gates import without_keys
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


def rest_of(line: Mapping[str, Json], stand_in: str) -> list[Figure]:
    """Of a run without key writes: what a crossing takes besides, and the estimate that this makes."""
    times, counts, pace = line.get("times_ns"), line.get("instructions"), line.get("cycles_per_ns")
    if not isinstance(times, dict) or not isinstance(counts, dict) or not isinstance(pace, float | int):
        raise LabError("the gate benchmark measured nothing without key writes")
    ns = {name: float(str(value)) for name, value in times.items()}
    return [
        figure
        for name, part in (("gate, verified both ways", "gate"), ("mpk_call: with stack switch and scrub", "call"))
        for figure in without_keys.rest_and_estimate(
            name, stand_in, ns[part] - ns["two_wrpkru"], pace, f"; {counts.get(part, 'unknown')} instructions"
        )
    ]


def _without_keys(options: Options) -> list[Figure]:
    """The runtime's pku paths on a machine without keys: everything but the key writes."""
    figures: list[Figure] = []
    for number, stand_in in enumerate(without_keys.STAND_INS):
        options.say(f"measuring crossings without their key writes, {stand_in}")
        program = without_keys.build(ROOT / "experiments" / "gates" / "gates.c", stand_in)
        ending = process.run([program], "pku", options.output / f"gates.without_keys.{number}")
        if ending.code != 0:
            raise LabError(f"the gate benchmark without key writes failed: {ending}; see {ending.stderr}")
        figures += rest_of(ending.line, stand_in)
    return figures


def run(options: Options) -> Report:
    """Measures and writes. Raises LabError on an emulated CPU or when nothing can be built."""
    facts = machine.facts_for_times(options.say)
    program = _program()
    figures: list[Figure] = []
    for backend in options.backends:
        if not machine.usable(backend, options.say):
            figures += [Figure(name, backend, None, goal, note=machine.NO_KEYS) for name, _, goal in WHOLE]
            figures += _without_keys(options)
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
