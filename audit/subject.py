"""All that is audited together: rules ask this, and join what different inputs say."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from audit.errors import AuditError
from audit.facts.binary import layouts
from audit.facts.llvm.program import Program
from audit.facts.rust import boundary, calls

if TYPE_CHECKING:
    from audit.facts.binary.elf import Elf
    from audit.facts.llvm.ir import Module
    from audit.facts.runs import Seen
    from audit.facts.rust.source import RustFile
    from llvm_pass.driver.cargo_build import Script
    from mpk.scanner.command import Scan


@dataclass
class Subject:
    """elfs: files and members of archives. scans: of the same files, and of processes. plain, simple: IR modules as
    compiled, and the same as -O1 has them. declared: source of other crates, for what it declares foreign.
    scripts: what build scripts had linked. runs: what real runs showed. callers: folders of other crates' source that call C.
    notes: what could not be judged, a line each. unread: how many of the inputs that were named could not be read, or built."""

    elfs: list[Elf] = field(default_factory=list)
    scans: list[Scan] = field(default_factory=list)
    sources: list[RustFile] = field(default_factory=list)
    declared: list[RustFile] = field(default_factory=list)
    plain: list[Module] = field(default_factory=list)
    simple: list[Module] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unread: int = 0
    scripts: list[Script] = field(default_factory=list)
    runs: list[Seen] = field(default_factory=list)
    callers: list[Path] = field(default_factory=list)
    described: list[tuple[str, Path | bytes]] = field(default_factory=list)  # with DWARF: what they are read from

    @property
    def linked(self) -> list[Elf]:
        return [each for each in self.elfs if each.is_linked]

    @cached_property
    def program(self) -> Program:
        """The modules together. pre: all have been read."""
        return Program(self.plain, self.simple)

    @cached_property
    def layouts(self) -> layouts.Layouts:
        """Structs of all files. pre: all have been read."""
        found, rust = layouts.Layouts(), [each for each in self.described if self._is_rust(each)]
        others = [each for each in self.described if each not in rust]
        for path, source in [*others, *rust] if rust else []:
            try:
                layouts.read(path, _content(source), found)
            except (AuditError, OSError) as error:
                self.notes.append(str(error))
        self.notes += found.notes
        return found

    def drawn(self) -> boundary.Drawn:
        """The map. Of other crates, the files that declare what the C of this build defines."""
        own = [file for file in self.sources if not file.in_tests]
        known = {file.path for file in own}
        others = [file for file in self.declared if file.path not in known]
        files = own + [
            file
            for file in others
            if any(self.program.foreign(name) for name in boundary.of(file, frozenset()).declared)
        ]
        foreign = calls.declared(files)
        binaries = tuple((each.path, len(each.exports)) for each in self.elfs)
        return boundary.Drawn(tuple(boundary.of(file, foreign) for file in files), binaries)

    def _is_rust(self, described: tuple[str, Path | bytes]) -> bool:
        try:
            return layouts.is_rust(_content(described[1]))
        except OSError:
            return False


def _content(source: Path | bytes) -> bytes:
    return source if isinstance(source, bytes) else source.read_bytes()
