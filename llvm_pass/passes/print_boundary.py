"""Pass `print<boundary>`: says per function which pointers can be pseudo, and why. Edits nothing.

Like LLVM's print<> passes it leaves the module as it is and says the rest on stderr
(PassRegistry.def gives their printers errs()).
"""

from __future__ import annotations

from llvm_pass.analysis.boundary import boundaries
from llvm_pass.passes.base import Context


def run(context: Context) -> None:
    """Fills the context's boundaries."""
    context.boundaries = boundaries(context.module, context.lent)
    for found in context.boundaries:
        if found.entry != "internal" and not context.policy.allows("entries", found.name):
            found.entry = "closed"
        found.callbacks_open = context.policy.allows("callbacks", found.name)
