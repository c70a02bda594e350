"""E09: More than one provider of malloc and free, or half a provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit.model import Confidence, Evidence, Location, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit.model import Finding
    from audit.subject import Subject

_PAGE = """\
Memory must be freed by the allocator that gave it. Two objects of a process that both export `malloc`, or one that exports
`free` without `malloc`, make it a matter of load order whose is called; a file that defines one statically and imports the other
mixes two heaps.

**What to do.** One allocator in a process; prefix a private one's names and hide them.

**Source.** RUSTSEC-2022-0094.
"""

_FAMILY = ("malloc", "free")


def _check(rule: Rule, subject: Subject) -> Iterator[Finding]:
    providers = []
    for elf in subject.linked:
        name = elf.path.rsplit("/", 1)[-1]
        exported = {symbol.name for symbol in elf.exports}
        have = [each for each in _FAMILY if each in exported]
        if len(have) == 1:
            seen = Evidence("elf", f"exports {have[0]} alone", Location(elf.path, symbol=have[0]))
            yield rule.finding(f"{name} exports {have[0]} without its other half", f"{name}:half", seen)
        elif have and not name.startswith(("libc.so", "libc-", "ld-linux", "ld-musl")):
            providers.append(elf)
    if len(providers) > 1:
        names = " and ".join(sorted(each.path.rsplit("/", 1)[-1] for each in providers))
        seen_all = (Evidence("elf", "exports malloc and free", Location(each.path)) for each in providers)
        yield rule.finding(f"{names} each export malloc and free", f"{names}:both", *seen_all)


RULE = Rule(
    id="E09",
    title="More than one provider of malloc and free, or half a provider",
    severity=Severity.HIGH,
    confidence=Confidence.HIGH,
    cwe=762,
    page=_PAGE,
    check=_check,
)
