"""E11: Two objects define the same C name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit.model import Confidence, Evidence, Location, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit.facts.binary.elf import Elf
    from audit.model import Finding
    from audit.subject import Subject

_PAGE = """\
A C name has no owner. Of two objects that export it the loader takes the first, for both; of two archives the linker takes
the first, in silence. A Rust `#[no_mangle]` function can so replace a library's, or be replaced.

**What to do.** Hide what need not be seen (`-fvisibility=hidden`, a version script), and give exported names a prefix.

**Source.** rust-lang/rust#36572.
"""

_EVERYBODYS = frozenset(
    {"_init", "_fini", "_start", "main", "__bss_start", "_edata", "_end", "__data_start", "data_start"}
)
# The implementation's own, and what Rust and C++ mangle.
_RESERVED = ("__", "_dl_", "_R", "_Z")
_KINDS = ("func", "object", "tls", "common")


def _check(rule: Rule, subject: Subject) -> Iterator[Finding]:
    # What is linked is made of objects: those are compared with each other, and what is linked with the like.
    yield from _among(rule, [each for each in subject.elfs if each.is_linked])
    yield from _among(rule, [each for each in subject.elfs if not each.is_linked])


def _among(rule: Rule, elfs: list[Elf]) -> Iterator[Finding]:
    owners: dict[str, dict[str, str]] = {}
    for elf in elfs:
        unit = elf.path.split("(")[0] if not elf.is_linked else elf.path
        for symbol in elf.exports if elf.is_linked else elf.symbols:
            plain = symbol.is_defined and symbol.binding == "global" and symbol.kind in _KINDS
            if plain and symbol.visibility == "default" and symbol.name not in _EVERYBODYS:
                owners.setdefault(symbol.name, {}).setdefault(unit, elf.path)
    for name, units in owners.items():
        if len(units) > 1 and not name.startswith(_RESERVED):
            places = sorted(units.values())
            seen = (Evidence("elf", f"defines {name}", Location(place, symbol=name)) for place in places)
            yield rule.finding(f"{name} is defined by {' and by '.join(places)}", f"{name}", *seen)


RULE = Rule(
    id="E11",
    title="Two objects define the same C name",
    severity=Severity.MEDIUM,
    confidence=Confidence.HIGH,
    cwe=694,
    page=_PAGE,
    check=_check,
)
