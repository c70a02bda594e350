"""E01: An instruction that changes rights (WRPKRU) outside the runtime."""

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
WRPKRU sets the rights of all protection keys from EAX. Code that is taken over needs one such
instruction, at any byte offset, to open every domain of the process. The runtime's own are compared
right behind; any other is a way in.

**What to do.** Hardening (`galeed::harden`, part `code`) removes or guards it when the program starts.
glibc's is `pkey_set`; it goes with static linking when nothing calls it. Bytes inside other instructions change
with the compiler's version or options.

**Source.** [ERIM], section 4; [PKU Pitfalls].
"""


def _check(rule: Rule, subject: Subject) -> Iterator[Finding]:
    return gadgets.findings(rule, subject, (Gadget.WRPKRU,), ": whoever jumps here opens every domain")


RULE = Rule(
    id="E01",
    title="An instruction that changes rights (WRPKRU) outside the runtime",
    severity=Severity.CRITICAL,
    confidence=Confidence.HIGH,
    cwe=693,
    page=_PAGE,
    check=_check,
)
