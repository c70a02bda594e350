"""I15: A string without its NUL goes to a C function that looks for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit.facts.llvm.formats import BYTES
from audit.facts.llvm.program import STRINGS
from audit.facts.rust.source import function_around, text_of
from audit.facts.rust.texts import passed
from audit.model import Confidence, Evidence, Location, Rule, Severity
from audit.rules.places import of_call, of_line, readable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit.model import Finding
    from audit.subject import Subject

_PAGE = """\
Rust's strings do not end with a NUL. A C function that takes `char *` reads on into whatever lies behind. Reported:
a constant that holds no NUL at all and whose address goes to a parameter that C reads as a string, in its own code
or by the functions of the C library that do (strlen, strcmp, fopen and others); and, at medium confidence, by the source: the pointer
of a parameter that is a `str` or `String`, cast to another type and given to a foreign function, in a function that never asks for its
length and writes no NUL.

**What to do.** `c"text"`, or `CString`.

**Source.** RUSTSEC-2025-0020.
"""


def _check(rule: Rule, subject: Subject) -> Iterator[Finding]:
    yield from _constants(rule, subject)
    for each in passed(subject.sources):
        name = function_around(each.call) or "?"
        place = Location(each.file.path, *each.file.position(each.call), symbol=name)
        seen = Evidence("rust", text_of(each.call).replace("\n", " ")[:120], place)
        yield rule.finding(
            f"{each.callee} gets {each.text}, a str, by its pointer alone",
            f"{name}:{each.callee}:{each.argument}", seen, confidence=Confidence.MEDIUM,
        )  # fmt: skip


def _constants(rule: Rule, subject: Subject) -> Iterator[Finding]:
    program = subject.program
    for module in program.simple:
        if module.language != "rust":
            continue
        texts = {name: match[1] for name, body in module.constants.items() if (match := BYTES.search(body))}
        bare = {name for name, text in texts.items() if "\\00" not in text}
        for function in module.defined:
            for call in function.calls:
                for number, argument in enumerate(call.arguments):
                    if argument.value not in bare:
                        continue
                    foreign = program.foreign(call.callee)
                    found = program.reads_string(foreign, number) if foreign else None
                    if found is None and number not in STRINGS.get(call.callee, ()):
                        continue
                    text = texts[argument.value]
                    seen = [of_call(function, call, f'passes "{text[:60]}", which has no NUL')]
                    if found:
                        seen.append(of_line(found.function, found.line, f"read as a string, by {found.what}"))
                    yield rule.finding(
                        f"{call.callee} reads its parameter {number + 1} up to a NUL that is not there",
                        f"{readable(function.name)}:{call.callee}:{number}", *seen,
                    )  # fmt: skip


RULE = Rule(
    id="I15",
    title="A string without its NUL goes to a C function that looks for one",
    severity=Severity.HIGH,
    confidence=Confidence.HIGH,
    cwe=170,
    page=_PAGE,
    check=_check,
)
