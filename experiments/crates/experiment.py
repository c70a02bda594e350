"""Crates with bundled C as they are on crates.io, under their own tests, by cargo and by cargo galeed.

`galeed-lab run crates --only lz4` runs one. What plain cargo says is the measure.
"""

from __future__ import annotations

import re
import shlex
import time
from typing import TYPE_CHECKING

from experiments import machine
from experiments.crates import lists
from experiments.crates.recipes import CRATES
from experiments.crates.source import prepare
from experiments.model import Experiment, Report, chosen
from experiments.output import as_json, table, write_atomically
from experiments.suites.trial import Outcome, count, run_shell
from experiments.workshop import clean_environment, need_tools

if TYPE_CHECKING:
    from pathlib import Path

    from experiments.crates.lists import Lists
    from experiments.crates.recipes import Crate
    from experiments.model import Json, Options

_COUNTS = (r"^test result: \w+\. (?P<passed>\d+) passed; (?P<failed>\d+) failed;",)
_SECONDS = re.compile(r"^test result: .*; finished in ([\d.]+)s$", re.MULTILINE)


def _trial(crate: Crate, way: str, backend: str, source: Path, options: Options) -> tuple[Outcome, float, Lists]:
    """What came of it, the seconds that the tests themselves took, and what became of the C."""
    options.say(f"testing {crate.name} ({way})")
    log = options.output / f"{crate.name}.{way.replace(' ', '-')}.log"
    log.unlink(missing_ok=True)
    cargo = ["cargo", "galeed"] if way != "cargo" else ["cargo"]
    target = options.output.resolve() / crate.name / f"target-{cargo[-1]}"
    profile, report = (log.resolve().with_suffix(kind) for kind in (".profile", ".report"))
    for old in (profile, report):
        old.unlink(missing_ok=True)
    environment = clean_environment(
        {
            "CARGO_TARGET_DIR": str(target),
            "GALEED_BACKEND": backend,
            "GALEED_ON_TRAP": "serve",
            "GALEED_PROFILE": str(profile),
            "GALEED_REPORT": str(report),
        }
    )
    began = time.monotonic()
    code, said = run_shell([shlex.join([*cargo, *crate.words])], source, environment, log)
    passed, failed = count(_COUNTS, said)
    outcome = Outcome(passed, failed, code, passed + failed > 0, time.monotonic() - began, log)
    return outcome, sum(map(float, _SECONDS.findall(said))), lists.read(said, profile, report)


def run(options: Options) -> Report:
    """Fetches, tests and compares. Raises LabError when sources cannot be had."""
    need_tools()
    backends = [each for each in options.backends if machine.usable(each, options.say)]
    rows, deviations, written = [], [], []
    items: list[Json] = []
    for crate in chosen(CRATES, options.only, "crate"):
        source = prepare(crate, options.output / crate.name)
        plain, plain_seconds, _ = _trial(crate, "cargo", "auto", source, options)
        item: dict[str, Json] = {"crate": crate.name, "version": crate.version, "cargo": plain.as_object()}
        for backend in backends:
            ours, seconds, became = _trial(crate, f"galeed {backend}", backend, source, options)
            item[backend] = {**ours.as_object(), **became.as_object()}
            listed = options.output / f"{crate.name}.{backend}.txt"
            write_atomically(listed, f"{crate.name} {crate.version} ({crate.c}) on {backend}: {ours}\n{became}")
            written.append(listed)
            same = (plain.passed, plain.failed, plain.code) == (ours.passed, ours.failed, ours.code)
            if not same or plain.passed == 0:
                deviations.append(f"{crate.name} on {backend}: {ours}; by cargo: {plain} (see {ours.log})")
            elif not became.files:
                deviations.append(f"{crate.name} on {backend}: none of its C was rewritten (see {ours.log})")
            counts = tuple(str(sum(each.values())) for each in (became.files, became.served, became.refused))
            cost = f"{seconds / plain_seconds:.1f}x" if plain_seconds and not machine.emulated() else ""
            rows.append((f"{crate.name} {crate.version}", crate.c, *counts, backend, str(plain), str(ours), cost))
        items.append(item)
    result: dict[str, Json] = {"crates": items}
    file = options.output / "result.json"
    write_atomically(file, as_json(result))
    head = ("crate", "C", "files", "served", "refused", "backend", "by cargo", "by cargo galeed", "tests' time")
    return Report(result, table(head, rows), tuple(deviations), files=(file, *written))


EXPERIMENT = Experiment(
    name="crates",
    claim="Crates with bundled C pass their own tests with Rust's heap isolated and the C rewritten",
    source="[Galeed]; crates.io",
    expected="of each crate as many tests pass and fail as by plain cargo, and its C was rewritten",
    run=run,
    takes=("only",),
)
