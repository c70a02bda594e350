"""How fast the passes are: lines of IR a second of their own CPU time.

The passes run in this process, LLVM holds the module in a child: so this process's time is
theirs, and the child's is LLVM's.
"""

from __future__ import annotations

import resource
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from experiments.libraries.build import OPTIMISED, flags, sources
from experiments.model import LabError
from experiments.workshop import clang_words, clean_environment
from llvm_pass.driver.options import FIRST_STAGE_IDIOMS
from llvm_pass.errors import GaleedError
from llvm_pass.pipeline import Options, rewrite
from llvm_pass.policy import Policy, load

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from experiments.libraries.recipes import Recipe


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@dataclass(frozen=True)
class Rewriting:
    """Of one library."""

    lines: int
    own_s: float
    llvm_s: float


def rewriting(one: Recipe, crates: Mapping[str, Path], policy: Path | None = None) -> Rewriting:
    """Rewrites what clang makes of each file, by a galeed.toml when there is one. Raises LabError."""
    options = Options(policy=load(policy.read_bytes(), str(policy)) if policy else Policy(), text=False)
    lines, own_s, llvm_s = 0, 0.0, 0.0
    for source in sources(one, crates):
        command = [*clang_words(), *OPTIMISED, *flags(one, crates), *FIRST_STAGE_IDIOMS]
        command += ["-emit-llvm", "-c", str(source), "-o", "-"]
        done = subprocess.run(command, env=clean_environment(), capture_output=True, check=False)
        if done.returncode != 0:
            raise LabError(f"clang does not compile {source.name}")
        own_before_s, llvm_before_s = time.process_time(), _children_s()
        try:
            result = rewrite(done.stdout, options)
        except GaleedError as error:
            raise LabError(f"rewriting {source.name} failed: {error}") from error
        lines += result.lines
        own_s += time.process_time() - own_before_s
        llvm_s += _children_s() - llvm_before_s
    return Rewriting(lines, own_s, llvm_s)
