"""Runs the demo: every case, undefended and defended, on every backend.

result.json holds the verdicts; measurements.json, beside it, the times behind
the ratio. What each process printed stays in the output folder too.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from experiments import machine, process
from experiments.demo import timing
from experiments.demo.sample import Sample, make
from experiments.demo.verdict import CASES, Case, Expectation, Verdict
from experiments.model import Experiment, Report
from experiments.output import as_json, table, write_atomically
from experiments.workshop import Program, build

if TYPE_CHECKING:
    from experiments.model import Json, Options
    from experiments.process import Ending

PROGRAM = Program(Path(__file__).resolve().parent / "program", "demo")
UNAVAILABLE = "unavailable"


def _run_case(case: Case, side: str, executable: Path, sample: Sample, backend: str, options: Options) -> Ending:
    options.say(f"{case.name} on {backend}, {side}")
    words = [str(sample.path) if word == "FILE" else word for word in case.arguments]
    return process.run([executable, *words], backend, options.output / f"{case.name}.{backend}.{side}")


def _row(case: Case, backend: str, undefended: str, defended: str) -> dict[str, Json]:
    return {
        "case": case.name,
        "backend": backend,
        "undefended": undefended,
        "defended": defended,
        "violation": None,
        "ratio": None,
    }


def _deviations(case: Case, backend: str, sides: dict[str, tuple[str, Verdict, Ending]]) -> list[str]:
    found = []
    for side, (wanted, verdict, ending) in sides.items():
        if verdict.status != wanted:
            why = f": {verdict.reason}" if verdict.reason else ""
            found.append(f"{case.name} on {backend}, {side}: {verdict.status}, not {wanted}{why} (see {ending.stderr})")
    return found


def _backend(
    backend: str, executables: dict[str, Path], sample: Sample, options: Options
) -> tuple[list[dict[str, Json]], list[str], dict[str, Json] | None]:
    """Rows, deviations and timings of one backend that this machine has."""
    rows, deviations = [], []
    expected = Expectation(sample.digest, backend)
    for case in CASES:
        bare = _run_case(case, "undefended", executables["plain"], sample, backend, options)
        guarded = _run_case(case, "defended", executables["galeed"], sample, backend, options)
        verdicts = {
            "undefended": (case.undefended, case.judge_undefended(bare, expected), bare),
            "defended": (case.defended, case.judge_defended(guarded, expected), guarded),
        }
        deviations += _deviations(case, backend, verdicts)
        row = _row(case, backend, verdicts["undefended"][1].status, verdicts["defended"][1].status)
        if guarded.violations:
            row["violation"] = dict(guarded.violations[0])
        rows.append(row)
    times = None
    if machine.emulated():
        options.say(f"no timing on {backend}: this CPU is emulated in software, its times mean nothing")
    elif rows[0]["undefended"] == rows[0]["defended"] == "ok":
        times = timing.summary(timing.measure(executables, sample.path, backend, options), sample.text_bytes)
        rows[0]["ratio"] = times["ratio_to_plain"]
    return rows, deviations, times


def _in_words(violation: Json) -> str:
    if not isinstance(violation, dict):
        return ""
    lease = violation.get("lease")
    bound = f" of {lease.get('bound')}" if isinstance(lease, dict) else ""
    place = f"offset {violation.get('offset')}{bound}" if lease else f"address {violation.get('address')}"
    key = "" if violation.get("key") is None else f", key {violation.get('key')}"
    what = f"{violation.get('violation')}: {violation.get('access')} in {violation.get('function')}"
    return f"{what}, {place}{key}"


def _table(rows: list[dict[str, Json]]) -> str:
    head = ("case", "backend", "undefended", "defended", "violation", "ratio")
    cells = [
        [
            *(str(row[name]) for name in head[:4]),
            _in_words(row["violation"]),
            "" if row["ratio"] is None else f"{row['ratio']:.2f}x",
        ]
        for row in rows
    ]
    return table(head, cells)


def run(options: Options) -> Report:
    """Builds, runs, judges and writes. Raises LabError when it cannot even start."""
    executables = {way: build(PROGRAM, way, options) for way in ("plain", "galeed", "clang")}
    sample = make(PROGRAM, options)
    rows: list[dict[str, Json]] = []
    deviations: list[str] = []
    times: dict[str, Json] = {}
    for backend in options.backends:
        if not machine.usable(backend, options.say):
            rows += [_row(case, backend, UNAVAILABLE, UNAVAILABLE) for case in CASES]
            continue
        more_rows, more_deviations, measured = _backend(backend, executables, sample, options)
        rows += more_rows
        deviations += more_deviations
        if measured is not None:
            times[backend] = measured
    cases: list[Json] = [*rows]
    result: dict[str, Json] = {"machine": machine.facts(), "cases": cases}
    files = (options.output / "result.json", options.output / "measurements.json")
    write_atomically(files[0], as_json(result))
    write_atomically(files[1], as_json(times))
    return Report(result, _table(rows), tuple(deviations), files)


EXPERIMENT = Experiment(
    name="demo",
    claim="C that corrupts Rust's heap undefended is stopped defended, with no line of Rust or C changed",
    source="CVE-2022-37434; CWE-193; CWE-416; [Galeed]",
    expected="honest: ok both ways; every attack: corrupted undefended, stopped defended, on each backend",
    run=run,
)
