"""E04: Memory that is writable and executable, or data that is executable."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit.model import Confidence, Evidence, Location, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit.facts.binary.elf import Elf
    from audit.model import Finding
    from audit.subject import Subject

_PAGE = """\
What can be written and executed lets a memory error become code, and what is executable but no code is
bytes that nobody compiled, in which gadgets stand. A segment that is both, a stack that may be executed (PT_GNU_STACK with
X, or missing: the kernel then asks nothing of the program), and read-only data in an executable segment.

**What to do.** Assemble with `.section .note.GNU-stack,"",@progbits`; link with `-z noexecstack -z separate-code`.

**Source.** [PKU Pitfalls]; ld(1).
"""


def _check(rule: Rule, subject: Subject) -> Iterator[Finding]:
    for elf in subject.linked:
        name = elf.path.rsplit("/", 1)[-1]
        for segment in elf.writable_code:
            seen = Evidence("elf", f"PT_LOAD {segment.flags}", Location(elf.path, address=segment.address))
            yield rule.finding(f"{name} has a segment that is writable and executable", f"{name}:rwx", seen)
        if elf.has_executable_stack:
            why = f"PT_GNU_STACK {elf.stack.flags}" if elf.stack else "no PT_GNU_STACK"
            yield rule.finding(
                f"{name} has its process's stacks executable", f"{name}:stack", Evidence("elf", why, Location(elf.path))
            )
        data = [each for each in elf.sections if each.flags == "a" and each.bytes and _is_executable(elf, each.address)]
        if data:
            names = " ".join(each.name for each in data)
            place = Location(elf.path, address=data[0].address)
            yield rule.finding(
                f"{name} has data in an executable segment: {names}",
                f"{name}:data",
                Evidence("elf", f"{sum(each.bytes for each in data)} bytes: {names}", place),
                severity=Severity.MEDIUM,
            )


def _is_executable(elf: Elf, address: int) -> bool:
    inside = (each for each in elf.segments if each.kind == "PT_LOAD" and "x" in each.flags)
    return any(each.address <= address < each.address + each.bytes for each in inside)


RULE = Rule(
    id="E04",
    title="Memory that is writable and executable, or data that is executable",
    severity=Severity.HIGH,
    confidence=Confidence.HIGH,
    cwe=693,
    page=_PAGE,
    check=_check,
)
