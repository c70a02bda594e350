"""galeed-lab: lists the experiments and runs one.

Exit codes: 0 everything came out as stated, 1 something did not, 2 usage or
environment. Results go to stdout, progress and complaints to stderr.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from experiments import machine
from experiments.model import CHOICES, LabError, Options
from experiments.output import as_json, table
from experiments.registry import EXPERIMENTS
from experiments.workshop import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experiments.model import Experiment, Json, Report


def _say(line: str) -> None:
    print(f"galeed-lab: {line}" if not line.startswith(" ") else line, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="galeed-lab", description="Claims about galeed, and programs that test them.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    listing = commands.add_parser("list", help="list the experiments")
    listing.add_argument("--json", action="store_true", help="print JSON")
    running = commands.add_parser(
        "run",
        help="run one experiment and judge what came out",
        epilog="Exit code: 0 everything came out as stated, 1 something did not (each is named on stderr), "
        "2 usage or environment. attacks states each verdict beforehand (tests/attacks/expected): "
        "an attack that leaks where that is stated is as expected, and so is harmless: it ran "
        "through and nothing came of it.",
    )
    running.add_argument("name", metavar="NAME", help="one of: " + ", ".join(one.name for one in EXPERIMENTS))
    running.add_argument("--json", action="store_true", help="print the result as JSON instead of a table")
    running.add_argument("--output", type=Path, metavar="DIR", help="where results go (default: build/NAME)")
    running.add_argument(
        "--backend",
        choices=(*machine.BACKENDS, "all"),
        help="run on this backend only; an error where it cannot run (default: GALEED_BACKEND, else all)",
    )
    running.add_argument(
        "--only",
        action="append",
        metavar="ID",
        help="attacks: one row (A1) or one variant of it (A1.stray); libraries: one of them (zlib); "
        "may be repeated, and a list with commas",
    )
    running.add_argument(
        "--policy",
        metavar="LEVEL",
        help="attacks: undefended, gates, basic, strict or full only; libraries: everything or structures",
    )
    running.add_argument("--repeat", type=int, metavar="N", help="libraries: runs of each program (default: 3)")
    running.add_argument("--no-build", action="store_true", help="use the programs as they were built before")
    return parser


def _backends(wanted: str | None) -> tuple[str, ...]:
    origin = "--backend"
    if wanted is None:
        wanted, origin = os.environ.get("GALEED_BACKEND", "all") or "all", "GALEED_BACKEND"
        if wanted not in (*machine.BACKENDS, "auto", "all"):
            raise LabError(f"GALEED_BACKEND is {wanted!r}; it may be auto, pku or mprotect")
    if wanted in ("all", "auto"):
        return machine.BACKENDS
    if wanted == "pku" and not machine.pku_available():
        raise LabError(f"{origin} asks for pku, and this CPU or kernel has no protection keys")
    return (wanted,)


def _find(name: str) -> Experiment:
    for one in EXPERIMENTS:
        if one.name == name:
            return one
    raise LabError(f"no experiment {name!r}; there are: {', '.join(one.name for one in EXPERIMENTS)}")


def _list(as_object: bool) -> int:
    if as_object:
        items: list[Json] = [
            {"name": one.name, "claim": one.claim, "source": one.source, "expected": one.expected}
            for one in EXPERIMENTS
        ]
        sys.stdout.write(as_json({"experiments": items}))
    else:
        print(table(("experiment", "claim", "source"), [(one.name, one.claim, one.source) for one in EXPERIMENTS]))
    return 0


def _run(arguments: argparse.Namespace) -> int:
    experiment = _find(arguments.name)
    output: Path = arguments.output or ROOT / "build" / experiment.name
    if output.exists() and not output.is_dir():
        raise LabError(f"--output {output} is not a folder")
    for choice in CHOICES:
        if getattr(arguments, choice) is not None and choice not in experiment.takes:
            raise LabError(f"{experiment.name} does not take --{choice}")
    if arguments.repeat is not None and arguments.repeat < 1:
        raise LabError(f"--repeat {arguments.repeat}: at least 1")
    backends = _backends(arguments.backend)
    only = None if arguments.only is None else tuple(one for words in arguments.only for one in words.split(","))
    options = Options(output, backends, not arguments.no_build, _say, only, arguments.policy, arguments.repeat)
    # The undefended attacks crash; nobody needs their core dumps.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    try:
        output.mkdir(parents=True, exist_ok=True)
        report: Report = experiment.run(options)
    except OSError as error:
        raise LabError(f"{error.filename or output}: {error.strerror}") from error
    if arguments.json:
        sys.stdout.write(as_json(report.result))
    else:
        print(report.table)
        for file in report.files:
            print(f"wrote {file}")
    for line in report.deviations:
        _say(f"not as stated: {line}")
    return 1 if report.deviations else 0


def main(argv: Sequence[str] | None = None) -> int:
    """The command. Returns the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        if sys.stdout is None:
            raise LabError("standard output is closed; send it to a file or to /dev/null")
        code = _list(arguments.json) if arguments.command == "list" else _run(arguments)
        sys.stdout.flush()
    except LabError as error:
        print(f"galeed-lab: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        # What is still buffered must not fail again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            print(f"galeed-lab: cannot write the result: {error.strerror}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("galeed-lab: interrupted", file=sys.stderr)
        return 2
    return code


if __name__ == "__main__":
    sys.exit(main())
