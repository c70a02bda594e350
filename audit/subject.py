"""All that is audited together: rules ask this, and join what different inputs say."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from audit.facts.program import Program

if TYPE_CHECKING:
    from audit.facts.elf import Elf
    from audit.facts.ir import Module
    from audit.facts.source import RustFile
    from mpk.scanner.command import Scan


@dataclass
class Subject:
    """elfs: files and members of archives. scans: of the same files, and of processes. plain, simple: IR modules as
    compiled, and the same as -O1 has them. declared: source of other crates, for what it declares foreign.
    notes: what could not be judged, a line each."""

    elfs: list[Elf] = field(default_factory=list)
    scans: list[Scan] = field(default_factory=list)
    sources: list[RustFile] = field(default_factory=list)
    declared: list[RustFile] = field(default_factory=list)
    plain: list[Module] = field(default_factory=list)
    simple: list[Module] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def linked(self) -> list[Elf]:
        return [each for each in self.elfs if each.is_linked]

    @cached_property
    def program(self) -> Program:
        """The modules together. pre: all have been read."""
        return Program(self.plain, self.simple)
