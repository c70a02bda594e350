"""cargo galeed: builds, checks and runs Rust programs whose C is rewritten.

Invariant: a program is only run, and only put where users look for it, after its
own file showed that its global allocator is galeed's (or that it was stripped,
which is said: then the runtime checks at the first gate).
"""

import json
import os
import sys
from dataclasses import replace
from importlib import metadata
from pathlib import Path

from llvm_pass.driver import cargo_build, cargo_entries, cargo_environment, cargo_project, cargo_report
from llvm_pass.driver.cargo_arguments import HELP, TRIPLE, parse
from llvm_pass.driver.cargo_build import Build, Program
from llvm_pass.driver.cargo_environment import Place
from llvm_pass.driver.clang import find_clang
from llvm_pass.driver.compile import all_passes
from llvm_pass.driver.errors import DriverError, run_main
from llvm_pass.passes.profile import read_profile
from llvm_pass.policy import Policy, find


def drive(argv: list[str]) -> int:
    """Does one call. Returns the exit status, unless a program takes our place."""
    arguments = parse(argv)
    if arguments.information is not None:
        print(HELP if arguments.information == "help" else f"cargo-galeed {_version()}")
        return 0
    cargo = cargo_project.find_cargo()
    if arguments.passed_on:
        note(f"{arguments.command} links nothing, so nothing is rewritten: plain cargo")
        return _become(cargo, [arguments.command, *arguments.options, *arguments.trailing], dict(os.environ))
    clang = find_clang()
    project = cargo_project.load(cargo, arguments)
    cargo_project.check_dependencies(project, arguments)
    place = cargo_environment.choose_place(project, arguments)
    policy = find(start=project.root)
    all_passes(policy)  # now, rather than once for each file
    if policy.profile is not None:
        read_profile(policy.profile, policy.where("profile"))
    environment = cargo_environment.environment(place, clang, policy)
    fingerprint = cargo_environment.prepare(place, clang, policy)
    build = cargo_build.build(cargo, arguments, place, environment)
    if build.unlinked:
        names = ", ".join(sorted(set(build.unlinked)))
        raise DriverError(f"nothing links galeed's runtime into what {names} makes.{_advice(names)}")
    if build.status != 0:
        return build.status
    check_allocators(build, place)
    build = replace(build, programs=[publish(program, place) for program in build.programs])
    report = cargo_report.collect(project, build, place)
    report.absent = cargo_entries.absent(policy, build.scripts, place.target)
    cargo_report.show(report, quiet=bool(arguments.flags & {"-q", "--quiet"}))
    if arguments.json:
        summary = cargo_report.as_json(report, build, project, place, fingerprint, " ".join(clang.command))
        print(json.dumps(summary, indent=2, sort_keys=True), flush=True)
    if arguments.command == "build":
        return 0
    environment = for_programs(environment, policy)
    # Everything is fresh now: cargo only starts the programs, as it does for everybody.
    own = ["--target", TRIPLE, "--target-dir", str(place.root)]
    quiet = ["--quiet"] if arguments.command == "run" and not arguments.flags & {"-q", "--quiet"} else []
    return _become(cargo, [arguments.command, *quiet, *own, *arguments.for_build(), *arguments.trailing], environment)


def for_programs(environment: dict[str, str], policy: Policy) -> dict[str, str]:
    """What programs start with: what the policy says of the start, unless the environment says what is."""
    words = {"GALEED_HARDEN": policy.word("hardening"), "GALEED_ON_TRAP": policy.word("on-trap")}
    return {**{name: word for name, word in words.items() if word is not None}, **environment}


def check_allocators(build: Build, place: Place) -> None:
    """Raises: DriverError when a program was linked without our allocator."""
    for program in build.programs:
        if program.allocator is None:
            note(f"{program.path}: stripped, so its allocator is checked when it first calls C")
    wrong = [program for program in build.programs if program.allocator is False]
    # A library's test program that calls no C: it has no place for the line, and no need of it.
    wrong = [program for program in wrong if program.foreign or program.kind != "test"]
    for program in wrong:
        published(program, place).unlink(missing_ok=True)  # an older build's, no longer what the source says
    if wrong:
        names = ", ".join(str(program.path) for program in wrong)
        sources = ", ".join(sorted({program.source for program in wrong}))
        raise DriverError(
            f"{names}: the global allocator is not galeed's, so nothing would be isolated.{_advice(sources)}"
        )


def _advice(sources: str) -> str:
    return f" Add to {sources} (in a library under #[cfg(test)]):\n        {cargo_project.ALLOCATOR_LINES}"


def published(program: Program, place: Place) -> Path:
    """Where users look for a program: <root>/<profile>/<name>, as if built without --target."""
    return place.root / program.path.relative_to(place.target)


def publish(program: Program, place: Place) -> Program:
    """Links a checked program to where users look for it. Tests stay where they are."""
    if program.kind not in ("bin", "example"):
        return program
    path = published(program, place)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        os.link(program.path, partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return replace(program, path=path)


def note(text: str) -> None:
    """A line about what we do, on stderr."""
    print(f"cargo-galeed: {text}", file=sys.stderr, flush=True)


def _become(cargo: str, words: list[str], environment: dict[str, str]) -> int:
    if sys.stdout is not None:  # None: our caller closed it
        sys.stdout.flush()
    os.execvpe(cargo, [cargo, *words], environment)


def _version() -> str:
    try:
        return metadata.version("galeed")
    except metadata.PackageNotFoundError:
        return "(not installed)"


def main() -> int:
    """Entry point of `cargo-galeed`."""
    return run_main("cargo-galeed", lambda: drive(sys.argv[1:]))


if __name__ == "__main__":
    sys.exit(main())
