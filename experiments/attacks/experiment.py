"""Runs the attack suite: every variant, policy and user on every backend; writes JSON and a page.

result.json holds every cell with its evidence; attacks.html is the same for people.
A backend that the machine does not have is named, not passed over.

result.json:

    machine     what it ran on (experiments.machine.facts)
    policies    the levels that were run, in order
    users       who attacked: "root", "nobody" (nobody only, where root is not to be had)
    backends    {"pku": "run" or why not, "mprotect": ...}
    rows        [{"id", "title", "control", "why"}]: what was chosen. control: true where the
                attack must fail undefended too, else {"BACKEND USER": the reason why there};
                why: why it still succeeds at the top level, or ""
    cells       [{"id", "title", "backend", "user", "policy", "verdict", "expected", "as_expected",
                "succeeds", "evidence"}]: one run each. expected: alternatives have | between them.
                evidence: the judge's line (tests/attacks/verdict.c): handed_bytes; refused and
                errno, the first call that was refused; signal, si_code, key and address, as the
                kernel gave them; domain_key and page, of the secret; exit, the status; report, the
                violation as JSON text; stderr
    absent      [{"id", "backend", "why"}]: what makes no sense on a backend
    remaining   [{"id", "title", "why"}]: rows that have a why
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from experiments import machine
from experiments.attacks import catalogue, programs
from experiments.attacks.catalogue import POLICIES, SUCCEEDS, USERS, Row
from experiments.attacks.page import page
from experiments.model import Experiment, LabError, Report
from experiments.output import as_json, table, write_atomically
from experiments.workshop import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from experiments.attacks.programs import Run
    from experiments.model import Json, Options

PROGRAMS = ROOT / "build" / "attacks" / "programs"


@dataclass(frozen=True)
class Cell:
    """One run: what was expected there and what came out."""

    row: Row
    backend: str
    user: str
    policy: str
    run: Run

    @property
    def wanted(self) -> str:
        return self.row.verdicts[self.backend, self.user, self.policy]

    @property
    def as_expected(self) -> bool:
        return self.row.expects(self.run.verdict, self.backend, self.user, self.policy)

    def facts(self) -> dict[str, Json]:
        """The cell as result.json has it."""
        return {
            "id": self.row.name,
            "title": self.row.title,
            "backend": self.backend,
            "user": self.user,
            "policy": self.policy,
            "verdict": self.run.verdict,
            "expected": self.wanted,
            "as_expected": self.as_expected,
            "succeeds": self.run.verdict in SUCCEEDS,
            "evidence": dict(self.run.evidence),
        }


def _chosen(options: Options) -> tuple[tuple[Row, ...], tuple[str, ...]]:
    if options.policy is not None and options.policy not in POLICIES:
        raise LabError(f"--policy {options.policy!r}: there are {', '.join(POLICIES)}")
    rows = catalogue.load()
    if options.only is None:
        return rows, (options.policy,) if options.policy else POLICIES
    for one in options.only:
        if not any(_is_named(row, one) for row in rows):
            raise LabError(f"--only {one!r}: no such attack; ids are A1 to D12, or A1.stray")
    rows = tuple(row for row in rows if any(_is_named(row, one) for one in options.only))
    return rows, (options.policy,) if options.policy else POLICIES


def _is_named(row: Row, one: str) -> bool:
    return one.lower() in (row.name.lower(), row.name.partition(".")[0].lower())


def _built(options: Options, rows: Sequence[Row]) -> Path:
    sources = sorted({row.program for row in rows})
    if options.build:
        options.say(f"building {len(sources)} attack programs")
        programs.build(PROGRAMS, sources)
    elif missing := [source.stem for source in sources if not (PROGRAMS / source.stem).is_file()]:
        raise LabError(f"{PROGRAMS / missing[0]} was not built before; run without --no-build")
    return PROGRAMS


def _users(options: Options) -> tuple[str, ...]:
    if os.geteuid() == 0:
        return USERS
    options.say("not root: attacks run as this user only, which counts as nobody")
    return ("nobody",)


def _backends(options: Options) -> dict[str, Json]:
    """What is said about each. post: "run" where it is run."""
    told: dict[str, Json] = {}
    for backend in machine.BACKENDS:
        if backend not in options.backends:
            told[backend] = "not asked for"
        else:
            can = machine.usable(backend, options.say)
            told[backend] = "run" if can else f"unavailable, {machine.NO_KEYS}"
    return told


def _row_facts(row: Row) -> dict[str, Json]:
    failing: dict[str, Json] = {" ".join(of): why for of, why in row.failing.items()}
    return {"id": row.name, "title": row.title, "control": row.control or failing, "why": row.why}


def _tell_what_is_not_run(options: Options, rows: Sequence[Row], backends: Mapping[str, Json]) -> None:
    """Names the chosen rows that make no sense on a backend. Raises LabError when nothing is left to run."""
    asked = [backend for backend in options.backends if backends[backend] == "run"]
    reasons = [f"{backend}: {backends[backend]}" for backend in options.backends if backend not in asked]
    for backend in asked:
        by_reason: dict[str, list[str]] = {}
        for row in rows:
            if backend in row.absent:
                by_reason.setdefault(row.absent[backend], []).append(row.name)
        reasons += [f"not run on {backend}: {', '.join(names)}: {why}" for why, names in by_reason.items()]
    if all(backend in row.absent for row in rows for backend in asked):
        raise LabError("nothing to run; " + "; ".join(reasons))
    for reason in reasons if options.only is not None else ():
        options.say(reason)


def _places(
    rows: Sequence[Row], policies: Sequence[str], users: Sequence[str], backends: Mapping[str, Json]
) -> list[tuple[Row, str, str, str]]:
    return [
        (row, backend, user, policy)
        for backend, told in backends.items()
        if told == "run"
        for row in rows
        if backend not in row.absent
        for policy in policies
        for user in users
    ]


def _cells(options: Options, folder: Path, places: Sequence[tuple[Row, str, str, str]]) -> list[Cell]:
    options.say(f"{len(places)} runs")
    with ThreadPoolExecutor(programs.JOBS) as pool:
        runs = pool.map(lambda place: programs.run(folder, place[0], place[3], place[1], place[2]), places)
        return [
            Cell(row, backend, user, policy, run)
            for (row, backend, user, policy), run in zip(places, runs, strict=True)
        ]


def _short(cell: Cell) -> str:
    """For a column: what happened, without what exactly stopped it."""
    verdict = cell.run.verdict
    word = verdict.upper() if verdict in SUCCEEDS else verdict.partition(" ")[0].rstrip(":")
    return word if cell.as_expected else f"{word} (!)"


def _matrix(cells: Sequence[Cell], policies: Sequence[str]) -> str:
    by_line: dict[tuple[str, str, str], dict[str, Cell]] = {}
    for cell in cells:
        by_line.setdefault((cell.row.name, cell.backend, cell.user), {})[cell.policy] = cell
    lines = [[*line, *(_short(found[policy]) for policy in policies)] for line, found in by_line.items()]
    return table(("attack", "backend", "user", *policies), lines)


def _summary(cells: Sequence[Cell]) -> str:
    """What the words mean, and how many came out as stated."""
    succeeded = sum(cell.run.verdict in SUCCEEDS for cell in cells)
    expected = sum(cell.as_expected for cell in cells)
    lines = [
        "LEAKED, CHANGED: the attack succeeded, a secret came out or was replaced. stopped: by a signal or an error.",
        "harmless: it ran through and nothing came of it. (!): not what tests/attacks/expected says.",
        f"{expected} of {len(cells)} as expected; {succeeded} succeeded.",
    ]
    return "\n".join(lines)


def run(options: Options) -> Report:
    """Builds, runs, compares and writes. Raises LabError when it cannot even start."""
    rows, policies = _chosen(options)
    backends = _backends(options)
    _tell_what_is_not_run(options, rows, backends)
    users = _users(options)
    places = _places(rows, policies, users, backends)
    cells = _cells(options, _built(options, [row for row, *_ in places]), places)
    absent: list[Json] = [
        {"id": row.name, "backend": backend, "why": why} for row in rows for backend, why in row.absent.items()
    ]
    remaining: list[Json] = [{"id": row.name, "title": row.title, "why": row.why} for row in rows if row.why]
    found: list[Json] = [cell.facts() for cell in cells]
    result: dict[str, Json] = {
        "machine": machine.facts(),
        "policies": [*policies],
        "users": [*users],
        "backends": backends,
        "rows": [_row_facts(row) for row in rows],
        "cells": found,
        "absent": absent,
        "remaining": remaining,
    }
    files = (options.output / "result.json", options.output / "attacks.html")
    write_atomically(files[0], as_json(result))
    write_atomically(files[1], page(result))
    deviations = tuple(
        f"{cell.row.name} on {cell.backend} as {cell.user}, {cell.policy}: {cell.run.verdict!r}, not {cell.wanted!r}"
        for cell in cells
        if not cell.as_expected
    )
    return Report(result, f"{_matrix(cells, policies)}\n\n{_summary(cells)}", deviations, files)


EXPERIMENT = Experiment(
    name="attacks",
    claim="each published way past a PKU sandbox succeeds undefended; what each level of defence makes of it is exact",
    source="[PKU Pitfalls]; tests/attacks",
    expected="the verdicts of tests/attacks/expected, each with its signal, key, errno or violation",
    run=run,
    takes=("only", "policy"),
)
