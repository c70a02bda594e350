"""Figure of the pass: lines of IR a second, LLVM's own time aside.

Taken on all of zlib as the demo's crate carries it, optimised as release builds
are. Reading, printing and verifying by LLVM is counted apart (the pipeline says
how long it took) and named in the note. The fastest of several runs counts: what
else runs on the machine only ever adds.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from experiments.bench.figures import Figure
from experiments.demo.experiment import PROGRAM
from experiments.demo.sample import crate_folder
from experiments.model import LabError
from experiments.workshop import clang_words, clean_environment
from llvm_pass.errors import GaleedError
from llvm_pass.pipeline import rewrite

if TYPE_CHECKING:
    from pathlib import Path

    from experiments.model import Options

GOAL_LINES_PER_S = 50_000
RUNS = 5
LLVM = "LLVM"
FLAGS = ("-O3", "-w", "-D_LARGEFILE64_SOURCE", "-D_POSIX_SOURCE", "-emit-llvm", "-c", "-o", "-")


def _bitcode(source: Path) -> bytes:
    command = [*clang_words(), *FLAGS, str(source)]
    done = subprocess.run(command, env=clean_environment(), capture_output=True, check=False)
    if done.returncode != 0:
        message = done.stderr.decode(errors="replace").strip().splitlines()
        raise LabError(f"clang cannot compile {source}: {message[0] if message else 'no message'}")
    return done.stdout


def speed(options: Options) -> Figure:
    """Lines a second over all of zlib, in the fastest of RUNS."""
    folder = crate_folder(PROGRAM, "libz-sys") / "src" / "zlib"
    sources = sorted(folder.glob("*.c"))
    if not sources:
        raise LabError(f"no zlib sources in {folder}")
    modules = [_bitcode(source) for source in sources]
    own, llvm, lines = [], [], 0
    for turn in range(RUNS):
        options.say(f"rewriting zlib's {len(modules)} modules: run {turn + 1} of {RUNS}")
        own_s, llvm_s, lines = 0.0, 0.0, 0
        for source, module in zip(sources, modules, strict=True):
            try:
                result = rewrite(module)
            except GaleedError as error:
                raise LabError(f"rewriting {source.name} failed: {error}") from error
            llvm_s += result.seconds[LLVM]
            own_s += sum(result.seconds.values()) - result.seconds[LLVM]
            lines += result.lines
        own.append(own_s)
        llvm.append(llvm_s)
    note = f"{lines:,} lines of zlib; LLVM's own time beside it: {min(llvm):.2f} s"
    return Figure("rewriting IR", "any", lines / min(own), GOAL_LINES_PER_S, "lines/s", at_most=False, note=note)
