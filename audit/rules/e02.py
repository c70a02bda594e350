"""E02: An instruction that restores rights from memory (XRSTOR)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit.model import Confidence, Rule, Severity
from audit.rules import gadgets
from mpk.gadgets import Gadget

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit.model import Finding
    from audit.subject import Subject

_PAGE = """\
XRSTOR loads processor state from memory, PKRU among it, when bit 9 of EAX is set. LFENCE has the same
opcode with a register operand and is not meant. The dynamic loader has two, for lazy binding and for TLS descriptors.

**What to do.** Hardening (part `code`) leads them through a test of EAX. Linking with `-z now` does not remove them.

**Source.** [PKU Pitfalls]; Intel SDM 2, XRSTOR.
"""


def _check(rule: Rule, subject: Subject) -> Iterator[Finding]:
    return gadgets.findings(rule, subject, (Gadget.XRSTOR,), ": it loads rights from memory that the caller chooses")


RULE = Rule(
    id="E02",
    title="An instruction that restores rights from memory (XRSTOR)",
    severity=Severity.CRITICAL,
    confidence=Confidence.HIGH,
    cwe=693,
    page=_PAGE,
    check=_check,
)
