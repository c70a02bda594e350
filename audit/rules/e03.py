"""E03: A gadget that begins in one mapping and ends in the next."""

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
Two executable mappings that lie side by side are one row of bytes for the processor. Scanners that look at each
alone miss what begins in one and ends in the other. It is a matter of where things were loaded: on a live process
(`--pid`) it is a fact of this run.

**What to do.** As for E01 and E02. Load libraries before hardening, so that part `code` sees the final layout.

**Source.** [Garmr].
"""


def _check(rule: Rule, subject: Subject) -> Iterator[Finding]:
    return gadgets.findings(
        rule, subject, (Gadget.WRPKRU, Gadget.XRSTOR), " begins in one mapping and ends in the next", across=True
    )


RULE = Rule(
    id="E03",
    title="A gadget that begins in one executable mapping and ends in the next",
    severity=Severity.HIGH,
    confidence=Confidence.HIGH,
    cwe=693,
    page=_PAGE,
    check=_check,
)
