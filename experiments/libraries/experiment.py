"""Real libraries by clang -O2 and by galeed-cc, in one run: how fast, how large, how long to compile.

`raw`: rewritten, in a program that lends nothing. `lent`: rewritten, in front of a host
whose buffers are lent mapped. Outputs are compared; a figure that is not met is said, not
failed, for times depend on the machine. `--policy structures` tells galeed-cc which structures
hosts of each library make themselves (galeed.toml's key of that name); without it, it is told nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments import machine
from experiments.bench.figures import as_table
from experiments.libraries import build, measure, summary
from experiments.libraries.recipes import LIBRARIES
from experiments.libraries.rewriting import rewriting
from experiments.libraries.sources import crate_folders
from experiments.model import Experiment, LabError, Report, chosen
from experiments.output import as_json, write_atomically
from experiments.workshop import clang_words, need_tools

if TYPE_CHECKING:
    from experiments.libraries.recipes import Recipe
    from experiments.model import Json, Options


def with_needed(wanted: list[Recipe]) -> list[Recipe]:
    """Those whose objects are needed too."""
    names = {one.name for one in wanted} | {name for one in wanted for name in one.needs}
    return [one for one in LIBRARIES if one.name in names]


def run(options: Options) -> Report:
    """Builds, runs, compares and writes. Raises LabError when something does not build or is not right."""
    wanted = chosen(LIBRARIES, options.only, "library")
    repeats = measure.REPEATS if options.repeat is None else options.repeat
    need_tools()
    facts = machine.facts_for_times(options.say)
    backend = next((one for one in options.backends if machine.usable(one, options.say)), None)
    if backend is None:
        raise LabError(f"none of the backends can run here: {', '.join(options.backends)}")
    crates = crate_folders()
    compiled = {one.name: build.compile_library(one, crates, options) for one in with_needed(wanted)}
    behind = build.runtimes(options)
    libraries = []
    for one in wanted:
        programs = build.link(one, crates, behind, options)
        cases = measure.run(one.name, programs, backend, repeats, options)
        options.say(f"rewriting {one.name}")
        libraries.append(
            summary.Measured(one.name, cases, compiled[one.name], rewriting(one, crates, build.policy_of(one, options)))
        )
    figures = summary.figures(libraries, backend)
    cases_found: list[Json] = [case.as_object() for one in libraries for case in one.cases]
    items: list[Json] = [figure.as_object() for figure in figures]
    facts_found: list[Json] = [one.as_object() for one in libraries]
    result: dict[str, Json] = {
        "machine": {**facts, "clang": machine.first_line(*clang_words(), "--version")},
        "backend": backend,
        "repeats": repeats,
        "policy": options.policy or build.POLICIES[0],
        "figures": items,
        "cases": cases_found,
        "libraries": facts_found,
    }
    file = options.output / "result.json"
    write_atomically(file, as_json(result))
    return Report(result, f"{summary.tables(libraries)}\n\n{as_table(figures)}", files=(file,))


EXPERIMENT = Experiment(
    name="libraries",
    claim="Real libraries rewritten are right, nearly as fast and small as before, and compile in reasonable time",
    source="[Galeed]; crates libz-sys, lz4-sys, bzip2-sys, zstd-sys, libsqlite3-sys, lua-src, libpng-sys",
    expected="the same outputs in all builds; each figure met, never a failure, for times depend on the machine",
    run=run,
    takes=("only", "policy", "repeat"),
)
