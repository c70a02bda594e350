"""`galeed-audit corpus`: many units, one result each, in a folder that a later run goes on with.

Exit codes: 0 every unit was audited whole, 1 some were not (a line says which and why), 2 usage or environment.
"""

from __future__ import annotations

import argparse
import os
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING

from audit.corpus import cluster, summary
from audit.corpus.store import Record, Store
from audit.corpus.unit import Limits, audited, lifeline
from audit.corpus.units import units
from audit.errors import AuditError
from audit.identity import own
from audit.progress import tell

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from audit.corpus.units import Unit

_SECONDS, _MEMORY_MIB = 1800.0, 8192
_MOST = 999_999_999  # cargo takes few more jobs


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(
        prog="galeed-audit corpus",
        description="Audits many crates and binaries, each in a process of its own, and goes on where it was stopped.",
        epilog="FOLDER gets reports/ (JSON, a unit each), summary.jsonl and summary.txt. Exit code: 0 every unit was audited "
        "whole, 1 some were not, 2 usage or environment.",
    )
    result.add_argument(
        "units", nargs="+", metavar="UNIT",
        help="a list (a path or NAME==VERSION a line, perhaps features=A,B behind it), a folder (its crates, and the ELF files and "
        "archives outside of them), or one crate or binary",
    )  # fmt: skip
    result.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where the results are")
    result.add_argument("--jobs", type=count, default=1, metavar="N", help="how many units at once (default: 1)")
    result.add_argument(
        "--time", type=_positive, default=_SECONDS, metavar="S",
        help=f"seconds for a unit, its build included (default: {_SECONDS:.0f})",
    )  # fmt: skip
    result.add_argument(
        "--memory",
        type=count,
        default=_MEMORY_MIB,
        metavar="MIB",
        help=f"for a unit's processes together (default: {_MEMORY_MIB})",
    )
    result.add_argument("--no-build", action="store_true", help="judge crates by their source alone")
    result.add_argument("--retry", action="store_true", help="try again what an earlier run could not audit whole")
    result.add_argument(
        "--scheduler", metavar="ADDRESS", help="of a Dask cluster that does the work (pip install 'galeed[dask]')"
    )
    result.add_argument("-q", "--quiet", action="store_true", help="no progress")
    return result


def count(word: str) -> int:
    """A number from 1 to _MOST. Raises argparse.ArgumentTypeError."""
    if not word.isdecimal() or len(word) > len(str(_MOST)) or int(word) < 1:
        raise argparse.ArgumentTypeError(f"{word!r} is no number from 1 to {_MOST}")
    return int(word)


def _positive(word: str) -> float:
    try:
        number = float(word)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{word!r} is no number above 0")
    return number


def main(words: Sequence[str]) -> int:
    """The command. Returns its exit code; raises AuditError."""
    options = parser().parse_args(words)
    asked, made_by = units(options.units), own()
    share = max((os.cpu_count() or 1) // options.jobs, 1)
    limits = Limits(options.time, options.memory << 20, share, not options.no_build)
    made_by += "" if limits.build else " source"
    store = Store(options.out)
    with store.held():
        known = {each: store.known(each, made_by) for each in asked}
        done = {each: kept for each, kept in known.items() if kept and not (options.retry and kept.reason)}
        left = [each for each in asked if each not in done]
        if done and not options.quiet:
            tell(f"{len(done)} of {len(asked)} units are done already")
        results = (
            _on_cluster(options.scheduler, left, limits, made_by)
            if options.scheduler
            else _here(left, limits, made_by, store, options.jobs)
        )
        for unit, (record, report) in results:
            store.keep(unit, record, report)
            done[unit] = record
            if not options.quiet:
                tell(f"{len(done)} of {len(asked)}: {summary.line(record)}")
        records = [done[each] for each in asked]
        store.summarise(records, summary.text(records))
    print(summary.total(records))
    return int(any(each.status != "audited" for each in records))


def _here(
    left: list[Unit], limits: Limits, made_by: str, store: Store, jobs: int
) -> Iterator[tuple[Unit, tuple[Record, bytes | None]]]:
    running: dict[Future[tuple[Record, bytes | None]], Unit] = {}
    # An interrupt lets go of the lifeline first; then the pool's threads come to an end.
    with ThreadPoolExecutor(jobs) as pool, lifeline() as life:
        waiting = left[::-1]
        while waiting or running:
            while waiting and len(running) < jobs:
                unit = waiting.pop()
                running[pool.submit(audited, unit, limits, made_by, store.folder / "work" / unit.slug, life)] = unit
            for each in wait(running, return_when=FIRST_COMPLETED).done:
                try:
                    result = each.result()
                except OSError as error:
                    raise AuditError(f"{store.folder}: cannot be written: {error.strerror}") from error
                yield running.pop(each), result


def _on_cluster(
    address: str, left: list[Unit], limits: Limits, made_by: str
) -> Iterator[tuple[Unit, tuple[Record, bytes | None]]]:
    for unit, result in cluster.results(address, left, limits, made_by):
        if isinstance(result, str):
            failed = Record(
                unit.word, unit.features, "crashed", result, 0.0, 0.0, 0.0, 0, 0, [], "", made_by, unit.stamp
            )
            yield unit, (failed, None)
        else:
            yield unit, result
