"""Makes a program that differs small, with C-Vise or C-Reduce (Debian: cvise, creduce).

The program is preprocessed first, so that it is one file. A smaller one is taken when it is
a program still (plain clang takes it without the warnings that mean undefined behaviour,
and it runs to its end under UBSan), and the mode's verdict is what it was. The result lies
beside the program, as reduced.c, and is what tests/differential wants.

    python -m experiments.csmith.reduce build/csmith/failures/17
    python -m experiments.csmith.reduce program.c --flags=-O2 --mode lent --verdict different
"""

from __future__ import annotations

import argparse
import os
import pickle
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.csmith.case import FAILURES, MODES, PLAIN_SECONDS, compare, execute
from experiments.csmith.tools import find_headers, prepare
from experiments.model import LabError
from experiments.workshop import ROOT, clang_words, clean_environment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experiments.csmith.tools import Tools

REDUCERS = ("cvise", "creduce")
# What Csmith's programs never do, and reduced ones would.
DEFINED = (
    "-Wall", "-Wextra", "-Wno-unused", "-Wno-self-assign", "-Wno-pointer-sign", "-Wno-sign-compare", "-Werror=uninitialized",
    "-Werror=sometimes-uninitialized", "-Werror=return-type", "-Werror=implicit-function-declaration", "-Werror=implicit-int",
    "-Werror=main", "-Werror=format", "-Werror=array-bounds", "-Werror=int-conversion", "-Werror=incompatible-pointer-types",
)  # fmt: skip
UBSAN = ("-O1", "-fsanitize=undefined", "-fno-sanitize=function", "-fsanitize-trap=undefined")
NAME, TOOLS = "reduced.c", "tools.pickle"


def interesting(source: Path, flags: Sequence[str], mode: str, verdict: str, tools: Tools) -> bool:
    """Is it a program whose verdict in the mode is this one? Raises LabError."""
    with tempfile.TemporaryDirectory(prefix="galeed-reduce-") as scratch:
        work = Path(scratch)
        copy = work / "program.c"
        shutil.copy(source, copy)
        if not is_defined(copy, work):
            return False
        outcomes = compare(copy, [*flags, "-w"], tools, (mode,), work / "failures")
        return outcomes[mode].verdict == verdict


def is_defined(source: Path, work: Path) -> bool:
    """Does plain clang see no undefined behaviour in it, and does it end?"""
    program = work / "sanitized"
    command = [*clang_words(), *DEFINED, *UBSAN, str(source), "-lm", "-o", str(program)]
    built = subprocess.run(command, cwd=work, env=clean_environment({}), capture_output=True, check=False)
    return built.returncode == 0 and execute(program, PLAIN_SECONDS * 2).status == 0


def reduce(source: Path, flags: Sequence[str], mode: str, verdict: str, folder: Path, jobs: int) -> Path:
    """The file with the smaller program. Raises LabError."""
    reducer = next((name for name in REDUCERS if shutil.which(name)), None)
    if reducer is None:
        raise LabError("neither cvise nor creduce is in PATH; on Debian: apt install cvise")
    with tempfile.TemporaryDirectory(prefix="galeed-reduce-") as scratch:
        work = Path(scratch)
        program = work / "program.c"
        headers = [f"-I{find_headers()}"] if b"csmith.h" in source.read_bytes() else []
        command = [*clang_words(), *headers, "-E", "-P", str(source), "-o", str(program)]
        if subprocess.run(command, env=clean_environment({}), capture_output=True, check=False).returncode != 0:
            raise LabError(f"{source} cannot be preprocessed")
        tools = prepare(folder, generator=False)  # once: each smaller program is judged with the same
        (work / TOOLS).write_bytes(pickle.dumps(tools))
        if not interesting(program, flags, mode, verdict, tools):
            raise LabError(
                f"{source}: the verdict in mode {mode} is not '{verdict}', or plain clang's program is not sound"
            )
        judge = [sys.executable, "-m", "experiments.csmith.reduce", "program.c", "--mode", mode]
        judge += ["--verdict", verdict, f"--flags={shlex.join(flags)}", "--judge", str(work / TOOLS)]
        script = work / "interesting.sh"
        script.write_text(f"#!/bin/sh\nPYTHONPATH={shlex.quote(str(ROOT))} exec {shlex.join(judge)}\n")
        script.chmod(0o755)
        done = subprocess.run([reducer, "--n", str(jobs), str(script), "program.c"], cwd=work, check=False)
        if done.returncode != 0:
            raise LabError(f"{reducer} ended with status {done.returncode}")
        result = source.with_name(NAME)
        shutil.copy(program, result)
    return result


def _failure(folder: Path) -> tuple[Path, list[str], str, str]:
    """(source, flags, mode, verdict) of a folder that a sweep kept. Raises LabError."""
    for mode in MODES:
        note = folder / f"{mode}.txt"
        if note.is_file():
            flags, said = note.read_text(encoding="utf-8").splitlines()[:2]
            return folder / "program.c", [word for word in shlex.split(flags) if word != "-w"], mode, said.split(":")[0]
    raise LabError(f"{folder} holds no failure of a sweep")


def main() -> int:
    """Returns the exit code; with --judge 0 when the program is interesting, else 1."""
    parser = argparse.ArgumentParser(prog="experiments.csmith.reduce", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("program", type=Path, help="a folder that a sweep kept, or a C file")
    parser.add_argument("--flags", default="-O2", metavar="WORDS", help="clang's, for a C file (default: -O2)")
    parser.add_argument("--mode", choices=MODES, default="lent")
    parser.add_argument("--verdict", choices=(*FAILURES, "slow"), default="different")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), metavar="N")
    parser.add_argument(
        "--output", type=Path, default=ROOT / "build" / "csmith", metavar="DIR", help="where tools are built"
    )
    parser.add_argument("--judge", type=Path, metavar="TOOLS", help="only say whether the C file is interesting")
    words = parser.parse_args()
    source, flags, mode, verdict = words.program, shlex.split(words.flags), words.mode, words.verdict
    try:
        if source.is_dir():
            source, flags, mode, verdict = _failure(source)
        if not source.is_file():
            raise LabError(f"{source} is not a file")
        if words.judge:
            tools = pickle.loads(words.judge.read_bytes())  # our own, written above
            return 0 if interesting(source, flags, mode, verdict, tools) else 1
        print(reduce(source.resolve(), flags, mode, verdict, words.output.resolve(), words.jobs))
    except LabError as error:
        print(f"reduce: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
