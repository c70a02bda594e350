"""I09: C++ may throw where Rust was told that nothing unwinds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit.facts.llvm.unwinding import is_check, is_throw, way_out
from audit.facts.rust.foreign import declarations
from audit.model import Confidence, Rule, Severity
from audit.rules.places import of_call, of_declaration, of_function

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit.model import Finding
    from audit.subject import Subject

_PAGE = """\
A function of an `extern "C"` block is `nounwind` for rustc: it keeps no way for exceptions, drops nothing, and what happens
when one arrives is undefined. Reported where the C++ definition reaches a `throw` that nothing on the way can catch (a
landing pad that may catch the type counts as catching). `std::bad_alloc`, and what C++'s strings throw for a null pointer or
too great a length, are not counted; where nothing but a missed bound throws (`at`, `substr`), it is a candidate (low confidence).

**What to do.** Catch in C++ and return a code (`cxx` does so), or declare `extern "C-unwind"`.

**Source.** RUSTSEC-2024-0360; RFC 2945.
"""


def _check(rule: Rule, subject: Subject) -> Iterator[Finding]:
    program, sources = subject.program, None
    for module in program.plain:
        if module.language != "rust":
            continue
        for declared in module.functions.values():
            if declared.is_defined or not declared.nounwind:
                continue
            function = program.foreign(declared.name)
            way = way_out(program, function, is_throw) if function else None
            sure = rule.confidence
            if way is None and function is not None:
                way, sure = way_out(program, function, is_check), Confidence.LOW
            if function is None or way is None:
                continue
            if sources is None:
                sources = declarations((*subject.sources, *subject.declared))
            seen = [of_function(function, "may throw")]
            seen += [of_call(caller, call, f"calls {call.callee}") for caller, call in way]
            if declared.name in sources:
                seen.append(of_declaration(sources[declared.name], "declared as one that does not unwind"))
            words = f"{declared.name} may throw, and Rust declares that it does not"
            yield rule.finding(words, declared.name, *seen, confidence=sure)


RULE = Rule(
    id="I09",
    title="C++ may throw where Rust was told that nothing unwinds",
    severity=Severity.HIGH,
    confidence=Confidence.HIGH,
    cwe=248,
    page=_PAGE,
    check=_check,
)
