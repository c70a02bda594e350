"""From findings to a policy: the galeed.toml that the isolation of this boundary needs, each line with what stands behind it.

Invariant: what is written is a policy that the reader of galeed.toml accepts, and the same for the same input. Names are left
out only where leaving them out keeps the program working; what cannot be decided is a comment.
"""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from audit.errors import AuditError
from audit.facts import callbacks, entering
from audit.facts.llvm import lent
from audit.facts.rust import source
from audit.facts.rust.foreign import declarations
from audit.files import write_out, write_whole
from audit.proposal import Proposal
from audit.unrewritten import unrewritten
from llvm_pass.policy import PolicyError, load

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from audit.facts.entering import Entry
    from audit.facts.runs import Seen
    from audit.facts.rust.source import RustFile
    from audit.model import Finding
    from audit.subject import Subject

# What these rules find opens domains again: gates alone do not stop it, parts of `strict` do.
_WAYS_AROUND = ("E01", "E02", "E03", "E07", "E08")
_SCRIPT = "build.rs"  # runs on the build's machine
_MOST_UNTYPED = 4


def refuse_existing(path: Path, overwrite: bool) -> None:
    """Raises AuditError where the file is there: a policy that people wrote is not lost."""
    if not overwrite and (path.exists() or path.is_symlink()):
        raise AuditError(
            f"{path} exists and is kept: --propose another file and compare the two, or say --overwrite to have it replaced"
        )


def propose(subject: Subject, findings: Iterable[Finding], seen: Iterable[Seen]) -> str | None:
    """The text of the policy; None where nothing foreign is called. Raises AuditError where nothing can be said."""
    if not subject.plain and not subject.scripts:
        raise AuditError("--propose needs the code of both sides: name a crate that can be built, or its LLVM IR")
    c, rust = entering.foreign(subject.plain), entering.host(subject.plain)
    names = entering.defined(c)
    own = [each for each in subject.sources if Path(each.path).name != _SCRIPT]
    files = [*own, *_of_callers(subject)]
    links = entering.linked_names((*files, *subject.declared))
    direct = entering.unique((*entering.called(rust, names), *entering.named(own, links, names)))
    about = _by_function(findings)
    proposal, runs = Proposal(), list(seen)
    if direct:
        by_pointer = {name: each for name, each in entering.unique(entering.given_out(c)).items() if name not in direct}
        declared = sorted({links[each] for each in declarations(subject.declared)} & names - {*direct, *by_pointer})
        _entries(proposal, direct, by_pointer, declared, about)
        _callbacks(proposal, callbacks.callers(c), callbacks.callable_from_c((*files, *subject.declared)))
        _structures(proposal, lent.structures(c, direct))
    missing = unrewritten(subject, own, names, links)
    if not direct and missing.is_empty:
        return None
    missing.write(proposal, runs, frozenset(each.name for module in c for each in module.defined))
    _hardening(proposal, findings, runs)
    text = proposal.text()
    try:
        load(text.encode(), "the proposal", Path())
    except PolicyError as error:  # a name of an object file that no policy can hold
        raise AuditError(f"--propose: {error}") from error
    return text


def write(text: str, path: Path, overwrite: bool) -> None:
    """At once and whole, or not at all. Raises AuditError."""
    try:
        if overwrite:
            write_out(path, text.encode())
            return
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        write_whole(partial, text)
        try:
            os.link(partial, path)  # which takes no name that is there
        finally:
            partial.unlink()
    except FileExistsError:
        refuse_existing(path, overwrite)
        raise
    except (OSError, ValueError) as error:
        raise AuditError(f"cannot write {path}: {getattr(error, 'strerror', None) or error}") from error


def _of_callers(subject: Subject) -> Iterator[RustFile]:
    for folder in sorted(set(subject.callers)):
        for path in sorted(folder.rglob("*.rs")):
            try:
                yield source.read(path)
            except AuditError as error:
                subject.notes.append(str(error))


def _by_function(findings: Iterable[Finding]) -> dict[str, list[str]]:
    """The rules that say something of a function."""
    found: dict[str, list[str]] = defaultdict(list)
    for each in findings:
        for evidence in each.evidence:
            symbol = evidence.location.symbol
            if symbol and each.rule not in found[symbol]:
                found[symbol].append(each.rule)
    return found


def _entries(
    proposal: Proposal,
    direct: dict[str, Entry],
    by_pointer: dict[str, Entry],
    declared: list[str],
    about: dict[str, list[str]],
) -> None:
    proposal.say("Functions that Rust may call; a call of any other ends the process.")
    rows = []
    for each in (*direct.values(), *by_pointer.values()):
        rules = f"; see {', '.join(sorted(about[each.name]))}" if about.get(each.name) else ""
        rows.append((each.name, proposal.place(each.text, each.place) + rules))
    proposal.names("entries", rows)
    if declared:
        proposal.say("Declared by other crates, and no call of them was seen: add those that your program calls.")
        proposal.say(" ".join(declared), goes_on=True)


def _callbacks(proposal: Proposal, callers: dict[str, callbacks.Caller], first: tuple[str, int] | None) -> None:
    if first is None:
        proposal.say("Rust has no function that C could call, and declares none that takes one.")
        proposal.names("callbacks", [])
        return
    proposal.say(
        proposal.place(
            "C functions that may call Rust back; Rust has functions for C, or their types, the first", first
        )
    )
    rows = []
    for each in callers.values():
        why = proposal.place(each.text, each.place)
        rows.append((each.name, why))
        if each.is_local:
            rows.append((f"{each.name}.*", "its specialised copies"))
    proposal.names("callbacks", rows)


def _structures(proposal: Proposal, found: lent.Structures) -> None:
    """Live where no memory without a type reaches C: what is not listed is accessed without a test, and traps when it is lent."""
    rows = []
    for each in found.by_tag.values():
        fields = f"; fields with pointers: {', '.join(each.pointers)}" if each.pointers else ""
        rows.append((each.tag, proposal.place(each.text, each.place) + fields))
    if not rows:
        return
    odd = [each.tag for each in found.by_tag.values() if not proposal.is_structure(each.tag)]
    proposal.say("Structures that Rust may lend, and their fields that carry pointers.")
    if found.untyped or odd:
        why = found.untyped[:_MOST_UNTYPED] or odd[:_MOST_UNTYPED]
        more = len(found.untyped or odd) - len(why)
        what = "memory of any type comes through" if found.untyped else "no policy can name"
        proposal.say(
            f"Not in force, since {what} {'; '.join(why)}{f' and {more} more' if more else ''}: with it code is smaller "
            "and faster, and traps where an object of another type is lent. Take the # away if your tests pass.",
            goes_on=True,
        )
    proposal.names("structures", rows, in_force=not (found.untyped or odd))


def _hardening(proposal: Proposal, findings: Iterable[Finding], runs: list[Seen]) -> None:
    ways = sorted({each.rule for each in findings if each.rule in _WAYS_AROUND})
    stray = [each for each in runs if each.violation in ("boundary", "forged")]
    reasons = [f"ways past gates were found ({', '.join(ways)})"] if ways else []
    reasons += [f"a run touched what it was not given ({stray[0].violation} in {stray[0].where})"] if stray else []
    proposal.say("What programs are prepared for at their start; they ask for it by galeed::harden.")
    if reasons:
        proposal.word("hardening", "strict?", "; ".join(reasons))
    else:
        proposal.word("hardening", "basic", "nothing was found that opens domains again")
