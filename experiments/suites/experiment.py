"""Libraries built by galeed-cc as a plain compiler, under their own test suites, beside the same clang.

`galeed-lab run suites --only zlib` runs one. What a suite says about plain clang's build is
the measure: some of its tests may fail on this machine whoever compiled it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments.model import Experiment, Report, chosen
from experiments.output import as_json, table, write_atomically
from experiments.suites import trial
from experiments.suites.recipes import SUITES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from experiments.model import Json, Options
    from experiments.suites.trial import Outcome


def deviation(outcomes: Mapping[str, Outcome]) -> str | None:
    """Why galeed-cc's outcome is not clang's; None if it is."""
    plain, ours = outcomes["clang"], outcomes["galeed-cc"]
    if not plain.built or plain.passed == 0:
        return f"plain clang's build says nothing ({plain}; see {plain.log})"
    if (plain.built, plain.passed, plain.failed, plain.code) != (ours.built, ours.passed, ours.failed, ours.code):
        return f"galeed-cc: {ours}; clang: {plain} (see {ours.log})"
    return None


def run(options: Options) -> Report:
    """Builds, tests and compares. Raises LabError when sources cannot be had."""
    rows, deviations = [], []
    items: list[Json] = []
    for suite in chosen(SUITES, options.only, "suite"):
        outcomes = {compiler: trial.run(suite, compiler, options) for compiler in trial.COMPILERS}
        why = deviation(outcomes)
        if why is not None:
            deviations.append(f"{suite.name}: {why}")
        rows.append((suite.name, suite.language, suite.what, *(str(outcomes[name]) for name in trial.COMPILERS)))
        facts: dict[str, Json] = {name: outcome.as_object() for name, outcome in outcomes.items()}
        items.append({"suite": suite.name, "archive": suite.archive.file, "what": suite.what, "outcomes": facts})
    result: dict[str, Json] = {"suites": items}
    file = options.output / "result.json"
    write_atomically(file, as_json(result))
    return Report(
        result, table(("suite", "language", "which", *trial.COMPILERS), rows), tuple(deviations), files=(file,)
    )


EXPERIMENT = Experiment(
    name="suites",
    claim="Libraries that galeed-cc builds as a plain compiler pass the tests of their own that pass by clang",
    source="[Galeed]; Debian 12's zlib, expat, libpng1.6, lua5.1, sqlite3, libjsoncpp, pugixml",
    expected="of each suite as many tests pass and fail, with the same exit status, as by plain clang",
    run=run,
    takes=("only",),
)
