"""The passes, one a file. The registry is this one tuple."""

from __future__ import annotations

from llvm_pass.passes import (
    attributes,
    callback_gates,
    checked_calls,
    entry_gates,
    lend_calls,
    lend_everything,
    loop_versions,
    print_boundary,
    profile,
    pseudo_pointers,
)
from llvm_pass.passes.base import Pass

# Gates last: they rename functions and add code that needs no checks.
PASSES: tuple[Pass, ...] = (
    Pass("attributes", "drops inferred attributes that the rewrite makes false (always runs first)", attributes.run),
    Pass(
        "profile",
        "numbers accesses to learn which meet lent memory, or asks those alone that a profile names",
        profile.run,
        serves=("profile", "structures"),
    ),
    Pass(
        "loop-versions",
        "copies loops: one for raw pointers, one for lent ones",
        loop_versions.run,
        closed_loops=True,
        serves=("structures",),
    ),
    Pass(
        "pseudo-pointers",
        "checks every access that may meet a pseudo-pointer",
        pseudo_pointers.run,
        serves=("structures",),
    ),
    Pass(
        "checked-calls",
        "checks what the C library will touch before it is called",
        checked_calls.run,
        serves=("calls", "on-unrewritten-call", "structures"),
    ),
    Pass(
        "callback-gates",
        "sends indirect calls through thunks that can reach the host",
        callback_gates.run,
        serves=("callbacks",),
    ),
    Pass(
        "entry-gates",
        "puts a gate under the name of each function that the host can call",
        entry_gates.run,
        serves=("entries", "exclusive"),
    ),
    # Only when they are named: the first for the host's modules, the second in front of all others.
    Pass(
        "lend-calls",
        "for the host's own code: gates calls of prebuilt libraries and lends the arguments",
        lend_calls.run,
        by_default=False,
        serves=("lend-calls", "calls", "on-unrewritten-call"),
    ),
    Pass("lend-everything", "test instrument: moves all own objects behind leases", lend_everything.run, False),
    Pass(
        "print<boundary>",
        "says which pointers can be pseudo, through what, and why; on stderr, as LLVM's print<> passes",
        print_boundary.run,
        by_default=False,
        serves=("entries", "callbacks", "structures"),
        edits=False,
    ),
)
