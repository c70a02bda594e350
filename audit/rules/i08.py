"""I08: A function for C reaches a panic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit.facts.llvm.ir import is_library
from audit.facts.llvm.unwinding import GUARD, is_panic, way_out
from audit.model import Confidence, Rule, Severity
from audit.rules.places import of_call, of_function, readable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit.facts.llvm.ir import Function
    from audit.model import Finding
    from audit.subject import Subject

_PAGE = """\
A panic that leaves an `extern "C"` function ends the process (since Rust 1.81; before, its behaviour was undefined), so whatever
input reaches it ends the program. Judged by the optimised IR: a panic that LLVM can rule out is none, what `catch_unwind` catches
neither; the calls that lead there are shown. Running out of memory is not counted; a
function that never returns is a candidate only (low confidence).

**What to do.** Return an error code, or catch: `std::panic::catch_unwind`. S07 says the same of what is plain in the source.

**Source.** RUSTSEC-2019-0038.
"""


def _check(rule: Rule, subject: Subject) -> Iterator[Finding]:
    program = subject.program
    for plain, module in zip(program.plain, program.simple, strict=True):
        if module.language != "rust":
            continue
        for name in filter(None, (_for_c(each) for each in plain.defined)):
            function = module.functions.get(name)
            if function is None:
                continue
            way = way_out(program, function, is_panic, is_guard=True)
            if way is None:
                continue
            name = readable(function.name)
            seen = [of_function(function, 'extern "C"')]
            seen += [of_call(caller, call, f"calls {readable(call.callee)}") for caller, call in way]
            # What never returns is a handler of the fatal, and panics on purpose.
            returns = any(line.startswith("  ret ") for line in function.body)
            sure = rule.confidence if returns else Confidence.LOW
            yield rule.finding(f"{name} can be called by C and may panic", name, *seen, confidence=sure)


def _for_c(compiled: Function) -> str | None:
    """The name of a function with the C ABI: rustc says nounwind and guards it. The standard library guards others too."""
    guarded = compiled.nounwind and any(GUARD in call.callee for call in compiled.calls)
    own = compiled.place is not None and not is_library(compiled.place[0])
    return compiled.name if guarded and own else None


RULE = Rule(
    id="I08",
    title="A function for C reaches a panic",
    severity=Severity.MEDIUM,
    confidence=Confidence.MEDIUM,
    cwe=248,
    page=_PAGE,
    check=_check,
)
