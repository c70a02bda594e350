"""How fast the passes are: lines of IR a second of their own time, LLVM's aside, in this process."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from experiments.libraries.build import OPTIMISED, flags, sources
from experiments.model import LabError
from experiments.workshop import clang_words, clean_environment
from llvm_pass.driver.options import FIRST_STAGE_IDIOMS
from llvm_pass.errors import GaleedError
from llvm_pass.pipeline import rewrite

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from experiments.libraries.recipes import Recipe

LLVM = "LLVM"


@dataclass(frozen=True)
class Rewriting:
    """Of one library."""

    lines: int
    own_s: float
    llvm_s: float


def rewriting(one: Recipe, crates: Mapping[str, Path]) -> Rewriting:
    """Rewrites what clang makes of each file. Raises LabError."""
    lines, own_s, llvm_s = 0, 0.0, 0.0
    for source in sources(one, crates):
        command = [*clang_words(), *OPTIMISED, *flags(one, crates), *FIRST_STAGE_IDIOMS]
        command += ["-emit-llvm", "-c", str(source), "-o", "-"]
        done = subprocess.run(command, env=clean_environment(), capture_output=True, check=False)
        if done.returncode != 0:
            raise LabError(f"clang does not compile {source.name}")
        try:
            result = rewrite(done.stdout)
        except GaleedError as error:
            raise LabError(f"rewriting {source.name} failed: {error}") from error
        lines += result.lines
        llvm_s += result.seconds[LLVM]
        own_s += sum(result.seconds.values()) - result.seconds[LLVM]
    return Rewriting(lines, own_s, llvm_s)
