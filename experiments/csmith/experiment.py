"""Differential testing: Csmith's programs by plain clang and rewritten, in two modes.

`galeed-lab run csmith` judges a handful; `make sweep` thousands, resumed where it stopped.
A program that differs is kept in failures/SEED, and `python -m experiments.csmith.reduce` makes
it small; what is left goes to tests/differential. `--record` writes what was judged, and by
which versions, to recorded.json beside this file.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from experiments import machine
from experiments.csmith.case import FAILURES, MODES, compare
from experiments.csmith.sweep import Sweep, failed, recorded_sweep, summary
from experiments.csmith.tools import prepare
from experiments.model import Experiment, LabError, Report
from experiments.output import as_json, table, write_atomically
from experiments.workshop import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from experiments.model import Json, Options

FEW = 20
MANY = 2000
JOBS = len(os.sched_getaffinity(0))
RECORD = Path(__file__).with_name("recorded.json")


def sweep(
    folder: Path,
    first: int,
    count: int,
    jobs: int,
    say: Callable[[str], None],
    seconds: float | None = None,
    record: Path | None = None,
) -> Report:
    """Judges seeds first .. first + count - 1 and sums up. Raises LabError.

    seconds: begin no program after that time. record: a file for what was judged.
    """
    tools = prepare(folder)
    seeds = range(first, first + count)
    one = Sweep(folder, tools)
    one.run(seeds, jobs, say, seconds)
    known = one.recorded()
    records = [known[seed] for seed in seeds if seed in known]
    result = summary(records, tools, MODES)
    file = folder / "result.json"
    write_atomically(file, as_json(result))
    if record is not None:
        write_atomically(record, as_json(recorded_sweep(records, tools, machine.facts())))
    bad = [f"seed {record['seed']} (see {folder / 'failures'})" for record in records if failed(record)]
    return Report(result, _table(result), tuple(bad), (file, one.path))


def judge_source(source: Path, flags: list[str], folder: Path) -> Report:
    """Compares one given source, in all modes. Raises LabError."""
    if not source.is_file():
        raise LabError(f"{source} is not a file")
    ready = prepare(folder, generator=shutil.which("csmith") is not None)
    with tempfile.TemporaryDirectory(prefix="galeed-csmith-") as scratch:
        copy = Path(scratch) / source.name
        shutil.copy(source, copy)
        outcomes = compare(copy, flags, ready, MODES, folder / "failures" / source.stem)
    rows = [(mode, outcome.verdict, outcome.note) for mode, outcome in outcomes.items()]
    bad = [f"{mode}: {outcome.verdict}" for mode, outcome in outcomes.items() if outcome.verdict in FAILURES]
    result: dict[str, Json] = {mode: outcome.facts() for mode, outcome in outcomes.items()}
    return Report(result, table(("mode", "verdict", "note"), rows), tuple(bad))


def _table(result: dict[str, Json]) -> str:
    rows = []
    modes = result["modes"]
    assert isinstance(modes, dict)
    for mode, facts in modes.items():
        assert isinstance(facts, dict)
        verdicts = facts["verdicts"]
        assert isinstance(verdicts, dict)
        rows.append((mode, ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items()))))
    return table(("mode", f"verdicts of {result['programs']} programs"), rows)


def run(options: Options) -> Report:
    """The handful. The backend is what the machine has; lent programs run on it."""
    return sweep(options.output, 1, FEW, JOBS, options.say)


EXPERIMENT = Experiment(
    name="csmith",
    claim="A rewritten program says what plain clang's says, also when everything that it owns is lent",
    source="[Csmith]",
    expected="no program's output or exit status differs; timeouts and undefined programs are skipped",
    run=run,
)


def main() -> int:
    """`python -m experiments.csmith.experiment`: the long sweep. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="experiments.csmith", description=__doc__)
    parser.add_argument("--programs", type=int, default=MANY, metavar="N", help=f"how many (default: {MANY})")
    parser.add_argument("--first", type=int, default=1, metavar="SEED", help="the first seed (default: 1)")
    parser.add_argument("--jobs", type=int, default=JOBS, metavar="N", help=f"at a time (default: {JOBS}, the CPUs)")
    parser.add_argument("--seconds", type=float, metavar="S", help="begin no program after that time")
    parser.add_argument("--record", action="store_true", help=f"write what was judged to {RECORD.relative_to(ROOT)}")
    parser.add_argument(
        "--output", type=Path, default=ROOT / "build" / "csmith", metavar="DIR", help="where results go"
    )
    parser.add_argument("--source", type=Path, metavar="FILE", help="compare this program, and none of Csmith's")
    parser.add_argument("--flags", default="-O2", metavar="WORDS", help="clang's for --source (default: -O2)")
    arguments = parser.parse_args()
    if arguments.programs < 1 or arguments.jobs < 1:
        parser.error("--programs and --jobs are at least 1")

    def say(line: str) -> None:
        print(f"csmith: {line}", file=sys.stderr, flush=True)

    try:
        if arguments.source:
            report = judge_source(arguments.source, shlex.split(arguments.flags), arguments.output)
        else:
            record = RECORD if arguments.record else None
            report = sweep(
                arguments.output, arguments.first, arguments.programs, arguments.jobs, say, arguments.seconds, record
            )
    except LabError as error:
        print(f"csmith: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("csmith: interrupted; the same command goes on from here", file=sys.stderr)
        return 2
    print(report.table)
    for line in report.deviations:
        say(f"not as stated: {line}")
    return 1 if report.deviations else 0


if __name__ == "__main__":
    sys.exit(main())
