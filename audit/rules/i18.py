"""I18: A format is data, or asks for other arguments than it gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit.facts.llvm import formats
from audit.facts.rust import formatted
from audit.facts.rust.calls import CALLS, declared, last_name, signatures
from audit.facts.rust.source import function_around, is_test, text_of
from audit.model import Confidence, Evidence, Location, Rule, Severity
from audit.rules.places import of_call, of_line, readable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit.facts.llvm.ir import Call, Function
    from audit.facts.llvm.program import Hit
    from audit.model import Finding
    from audit.subject import Subject

_PAGE = """\
In a format every `%` makes C take one more argument, from wherever arguments lie; `%n` writes. Reported: text that Rust got as an
argument, or made, goes to printf or its like (of the C library, of curses, or a C function that hands it on, as its own code says) as the
format; a constant format that asks for more arguments than there are, or for wider ones, or for a pointer or a floating point
number where it gets something else; and `open` that creates a file without the mode that it then takes. What cannot be followed to
where it was written is a candidate (low confidence).

**What to do.** A constant `c"%s"` and the text as its argument; `c_int` for `%d`, `c_long` for `%ld`.

**Source.** RUSTSEC-2019-0006; CWE-134; open(2).
"""

_OPENS = {"open": 1, "open64": 1, "openat": 2, "openat64": 2}
_O_CREAT, _O_TMPFILE = 0o100, 0o20200000  # Linux, x86-64


def _check(rule: Rule, subject: Subject) -> Iterator[Finding]:
    handed = formats.handed_on(subject.program)
    yield from _data(rule, subject, handed)
    for module in subject.program.simple:
        if module.language != "rust":
            continue
        for function in module.defined:
            for call in function.calls:
                if call.callee in _OPENS:
                    yield from _open(rule, function, call)
                else:
                    yield from _arguments(rule, subject, function, call, handed)


def _data(rule: Rule, subject: Subject, handed: dict[str, tuple[int, Hit]]) -> Iterator[Finding]:
    files = [*subject.sources, *subject.declared]
    foreign = declared(files)
    takers = {name: at for name, at in formats.TAKERS.items() if subject.program.foreign(name) is None}
    for file in files:
        for each in signatures(file) if b"..." in file.text else ():
            at = formatted.named_format(each["parameters"])
            if at is not None:
                takers.setdefault(text_of(each["name"]), at)
    takers.update({name: at for name, (at, _) in handed.items()})
    for file in subject.sources:
        if file.in_tests or not formatted.has_calls(file, set(takers)):
            continue
        for found in file.matches(CALLS):
            name = last_name(found["function"])
            if name not in takers or not (name in foreign or formatted.is_libc(found["function"])):
                continue
            if formatted.is_own(found["function"], file):
                continue
            value = formatted.argument(found["arguments"], takers[name])
            kind = formatted.kind_of(value) if value is not None and not is_test(found["call"]) else "written"
            if value is None or kind == "written":
                continue
            owner = function_around(found["call"]) or "?"
            place = Location(file.path, *file.position(found["call"]), symbol=owner)
            seen = [Evidence("rust", formatted.shown(value), place)]
            if name in handed:
                hit = handed[name][1]
                seen.append(of_line(hit.function, hit.line, f"a format for {hit.what}"))
            words = "gives {} text as a format" if kind == "data" else "gives {} a format that is not written there"
            yield rule.finding(
                f"{owner} {words.format(name)}", f"{owner}:{name}:data", *seen,
                confidence=Confidence.MEDIUM if kind == "data" else Confidence.LOW,
            )  # fmt: skip


def _arguments(
    rule: Rule, subject: Subject, function: Function, call: Call, handed: dict[str, tuple[int, Hit]]
) -> Iterator[Finding]:
    """A constant format against the arguments behind it."""
    at, fixed, scans = formats.PRINTS.get(call.callee), None, call.callee in formats.SCANS
    foreign = subject.program.foreign(call.callee)
    if foreign is not None:
        at = handed[call.callee][0] if call.callee in handed and foreign.variadic else None
        fixed, scans = len(foreign.parameters), False
    elif scans:
        at = formats.SCANS[call.callee]
    if at is None or at >= len(call.arguments):
        return
    text = formats.constant(function.module, call.arguments[at].value)
    asked = formats.wanted(text, scans) if text is not None else None
    if text is None or asked is None:
        return
    given = call.arguments[at + 1 if fixed is None else fixed :]
    problem, severity = "", rule.severity
    if len(asked) > len(given):
        problem = f"asks for {len(asked)} arguments and gets {len(given)}"
    else:
        wrong = [words for want, value in zip(asked, given, strict=False) if (words := formats.is_other(want, value))]
        wrong.sort(key=lambda words: words.startswith("only"))
        problem = wrong[0] if wrong else ""
        severity = Severity.LOW if problem.startswith("only") else severity
    if problem:
        name = readable(function.name)
        yield rule.finding(
            f"{name} calls {call.callee} with a format that does not fit: {problem}",
            f"{name}:{call.callee}:{text}",
            of_call(function, call, f'the format is "{text[:80]}"'.replace("\n", "\\n")),
            severity=severity,
            confidence=Confidence.HIGH,
        )


def _open(rule: Rule, function: Function, call: Call) -> Iterator[Finding]:
    at = _OPENS[call.callee]
    flags = call.arguments[at].value if at < len(call.arguments) else ""
    if len(call.arguments) != at + 1 or not flags.lstrip("-").isdigit():
        return
    if int(flags) & _O_CREAT or int(flags) & _O_TMPFILE == _O_TMPFILE:
        name = readable(function.name)
        yield rule.finding(
            f"{name} creates a file by {call.callee} without a mode",
            f"{name}:{call.callee}:mode",
            of_call(function, call, f"the flags are {int(flags):#o}"),
            confidence=Confidence.HIGH,
        )


RULE = Rule(
    id="I18",
    title="A format is data, or asks for other arguments than it gets",
    severity=Severity.HIGH,
    confidence=Confidence.MEDIUM,
    cwe=134,
    page=_PAGE,
    check=_check,
)
