"""What of a build nobody can rewrite: system and prebuilt libraries, objects that come from no C source, and who calls them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from audit.build.compiler import objects
from audit.errors import AuditError
from audit.facts import entering
from audit.facts.binary import archive, elf
from audit.facts.platform import is_platform
from llvm_pass.driver.cargo_libraries import C_LIBRARY, CXX_LIBRARY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit.facts.entering import Entry
    from audit.facts.runs import Seen
    from audit.facts.rust.source import RustFile
    from audit.proposal import Proposal
    from audit.subject import Subject
    from llvm_pass.driver.cargo_build import Script

_MOST_SAID = 8


@dataclass
class Unrewritten:
    """libraries, objects: a line each. functions: those of libraries that Rust calls."""

    libraries: list[str] = field(default_factory=list)
    objects: list[str] = field(default_factory=list)
    functions: dict[str, Entry] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return not (self.libraries or self.objects or self.functions)

    def write(self, proposal: Proposal, runs: list[Seen], compiled: frozenset[str]) -> None:
        """runs: what a run met. compiled: the functions of C that are compiled here."""
        served = [each for each in runs if each.kind == "trapped"]
        trapped = [each for each in served if each.function not in compiled]
        spared = [each for each in served if each.function in compiled]
        if self.libraries or self.objects or trapped:
            proposal.say("Not rewritten:")
            for line in [
                *self.libraries,
                *self.objects,
                *_places(trapped),
            ]:
                proposal.item(line)
        if self.functions:
            proposal.say(
                "Functions of libraries that are not compiled here. `cargo galeed` alone puts no gates before them: "
                "#[galeed::foreign] on their extern block does, or pass lend-calls over the host's modules, which reads this."
            )
            rows = [(each.name, proposal.place(each.text, each.place)) for each in self.functions.values()]
            proposal.names("lend-calls", rows)
        if spared:
            proposal.say(
                "Rewritten, and not asked there: by what a policy says of structures or profile, or in a form that no pass knows."
            )
            for line in _places(spared):
                proposal.item(line)
        if served:
            raw = next((each for each in served if each.is_raw), None)
            why = raw or served[0]
            proposal.say("Such accesses are checked by the runtime and made, each at the price of a fault.")
            proposal.word("on-trap", "serve-raw" if raw else "serve", f"{why.where}: {why.text}")


def unrewritten(subject: Subject, own: list[RustFile], names: frozenset[str], links: dict[str, str]) -> Unrewritten:
    """own: the crate's source. names: what the C of this build defines. links: what Rust declares foreign."""
    found = Unrewritten()
    for script in subject.scripts:
        for line in _libraries(script):
            if line not in found.libraries:
                found.libraries.append(line)
        found.objects += _objects(script, subject)
    others = frozenset(each for each in links.values() if each not in names and not is_platform(each))
    rust = entering.host(subject.plain)
    called = list(entering.called(rust, others))
    if found.libraries:  # else it is what is configured out
        called += entering.named(own, links, others)
    found.functions = entering.unique(called)
    found.libraries.sort()
    found.objects.sort()
    return found


def _places(runs: list[Seen]) -> list[str]:
    found = list(dict.fromkeys(f"{each.where}: {each.text}" for each in runs))
    more = [f"and {len(found) - _MOST_SAID} more"] if len(found) > _MOST_SAID else []
    return [*found[:_MOST_SAID], *more]


def _libraries(script: Script) -> Iterator[str]:
    for said in script.libraries:
        kind, _, name = said.rpartition("=")
        kind, name = kind.split(":")[0], name.split(":")[0]
        path = next((each for folder in script.paths if (each := folder / f"lib{name}.a").is_file()), None)
        if path is not None and kind != "dylib":
            if not path.is_relative_to(script.out_dir):
                yield f"library {name}, which {script.package} links: prebuilt, {path}"
        elif name not in C_LIBRARY | CXX_LIBRARY:
            yield f"library {name}, which {script.package} links: the system's"


def _objects(script: Script, subject: Subject) -> Iterator[str]:
    """Members of archives that were made in this build, and have no bitcode beside them."""
    made = objects(script.out_dir)
    for path in sorted(script.out_dir.rglob("lib*.a")):
        left = []
        try:
            for name, body in archive.members(str(path), path.read_bytes()):
                if body.startswith(elf.MAGIC) and name not in made and _has_code(name, body):
                    left.append(name)
        except (AuditError, OSError) as error:
            subject.notes.append(f"{path}: {error}")
        if left:
            more = f" and {len(left) - _MOST_SAID} more" if len(left) > _MOST_SAID else ""
            yield f"of {path.name}, which {script.package} makes, what is no C or C++: {' '.join(sorted(left)[:_MOST_SAID])}{more}"


def _has_code(name: str, body: bytes) -> bool:
    return any("x" in each.flags and each.bytes for each in elf.read(name, body).sections)
