"""I01: A declaration does not fit the definition that it links to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit.facts.llvm.abi import differences
from audit.facts.rust.foreign import declarations
from audit.model import Confidence, Evidence, Location, Rule, Severity
from audit.rules.places import of_call, of_declaration, of_function

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit.facts.llvm.abi import Difference
    from audit.facts.llvm.ir import Function
    from audit.model import Finding
    from audit.subject import Subject

_PAGE = """\
Linkers join names, not types. Where a Rust declaration has other parameters or another result than the C function, the call passes
too little, reads registers that nobody wrote, or writes a result into a place that is too small. What both compilers pass in
the same registers is no difference here: a pointer or a word, a structure or its parts, an integer that the caller extends.

Reported as high: values are read that nobody passed or returned (arity, width, float against integer, size of a structure returned
or passed in memory, signedness below 32 bits, a `bool` that C returns as `int`). Medium: the value is cut
short on one side, or the function is variadic for one side only. What happens to work on x86-64 alone is of low confidence.

**What to do.** Generate declarations from the header (bindgen), of the very version that is linked; use `c_int`,
`c_long`, `usize` as the header has `int`, `long`, `size_t`.

**Source.** CWE-686; rust-lang/rust#70973 (`improper_ctypes` cannot see the C side); special-fun, everrs.
"""

_MANGLED = ("_R", "_ZN")


def _check(rule: Rule, subject: Subject) -> Iterator[Finding]:
    program, sources = subject.program, None
    for module in program.plain:
        for declared in module.functions.values():
            if declared.is_defined or declared.name.startswith(_MANGLED) or declared.name not in program.compiled:
                continue
            defined = [
                each for each in program.compiled[declared.name] if "rust" in (module.language, each.module.language)
            ]
            compared = [(each, _compared(declared, each)) for each in defined]
            if not compared or not all(found for _, found in compared):
                continue
            if sources is None:
                sources = declarations((*subject.sources, *subject.declared))
            definition, found = compared[0]
            worst = min(found, key=lambda each: ("harm", "loss", "form").index(each.grade))
            severity = Severity.HIGH if worst.grade == "harm" else Severity.MEDIUM
            sure = Confidence.LOW if worst.grade == "form" else rule.confidence
            text = "; ".join(f"{each.where}: {each.text}" for each in found)
            seen = []
            if module.language == "rust" and declared.name in sources:
                seen.append(of_declaration(sources[declared.name], "declared here"))
            call = next(((f, c) for f in module.defined for c in f.calls if c.callee == declared.name), None)
            if call:
                seen.append(of_call(*call, "called here"))
            elif not seen:
                seen.append(Evidence("ir", "declared here", Location(module.path, symbol=declared.name)))
            language = {"rust": "Rust", "c++": "C++"}.get(definition.language, "C")
            seen.append(of_function(definition, f"defined here, in {language}"))
            yield rule.finding(
                f"{declared.name} is declared otherwise than it is defined: {text}", declared.name, *seen,
                severity=severity, confidence=sure,
            )  # fmt: skip


def _compared(declared: Function, defined: Function) -> list[Difference]:
    try:
        return differences(declared, defined)
    except ValueError:  # a type that cannot be measured
        return []


RULE = Rule(
    id="I01",
    title="A declaration does not fit the definition that it links to",
    severity=Severity.HIGH,
    confidence=Confidence.HIGH,
    cwe=686,
    page=_PAGE,
    check=_check,
)
