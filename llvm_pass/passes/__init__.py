"""The passes, one a file. The registry is this one tuple."""

from __future__ import annotations

from llvm_pass.passes import attributes, pseudo_pointers
from llvm_pass.passes.base import Pass

PASSES: tuple[Pass, ...] = (
    Pass("attributes", "drops inferred attributes that the rewrite makes false (always runs first)", attributes.run),
    Pass("pseudo-pointers", "checks every access that may meet a pseudo-pointer", pseudo_pointers.run),
)
