"""Joins what a run showed with what rules found: static findings become certain, violations that are just what a rule is about
become findings of that rule, everything else stands in the report as it was seen.

Invariant: no finding is dropped or weakened, and fingerprints of static findings stay. A violation gets a rule of its own accord only
where the runtime's verdict says the very thing that the rule says.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from audit.errors import AuditError
from audit.facts import runs
from audit.model import Confidence, Evidence, Location
from audit.rules.places import readable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from audit.facts.runs import Seen
    from audit.model import Finding, Rule
    from audit.subject import Subject

# Static findings that a violation confirms, where both are about one function or line.
_CONFIRMS = {
    "spatial": ("I15", "I16"),
    "temporal": ("I03", "I04", "I05", "I06", "I07", "S05"),
    "boundary": ("I05", "I06", "I07", "S05"),
    "rights": ("I02", "I04", "I10", "S04", "S10"),
    "forged": ("I02", "I07", "S04"),
    "type": ("I07", "I13"),
}
# What the runtime's verdict says word for word: (violation, access) -> rule, and its sentence.
_IS = {
    ("spatial", "read"): ("I16", "reads beyond the object that it is given"),
    ("spatial", "write"): ("I16", "writes beyond the object that it is given"),
    ("rights", "write"): ("I10", "writes to what Rust lent for reading"),
    ("rights", "free"): ("I02", "frees memory of Rust's allocator"),
    ("temporal", "free"): ("I04", "frees what has been freed or given back already"),
    ("temporal", "execute"): ("I07", "calls back for data that Rust has dropped"),
}


def load(paths: Iterable[Path], subject: Subject) -> None:
    """Reads evidence into the subject. What cannot be read is a note."""
    for path in paths:
        try:
            found = runs.read(path, subject.notes)
            subject.runs += [replace(each, function=readable(each.function)) for each in found]
        except AuditError as error:
            subject.notes.append(str(error))
            subject.unread += 1


def joined(findings: Iterable[Finding], subject: Subject, rules: Iterable[Rule]) -> list[Finding]:
    """The findings with what was seen of them, and those that only the run showed. rules: those that were asked.
    Marks in the subject what each thing seen belongs to."""
    found, asked = list(findings), {rule.id: rule for rule in rules}
    left: list[Seen] = []
    for at, seen in enumerate(subject.runs):
        matching = [number for number, each in enumerate(found) if _is_about(each, seen)]
        for number in matching:
            found[number] = _confirmed(found[number], seen)
        if matching:
            subject.runs[at] = replace(seen, rule=found[matching[0]].rule)
        else:
            left.append(seen)
    made: dict[tuple[str, str], Finding] = {}
    for seen in left:
        rule_id, says = _IS.get((seen.violation, seen.access), ("", ""))
        rule, name = asked.get(rule_id), seen.function or seen.entry
        if rule is None or not name:
            continue
        subject.runs[subject.runs.index(seen)] = replace(seen, rule=rule_id)
        key = (rule_id, f"run:{name}:{seen.access}")
        if key in made:
            made[key] = replace(made[key], evidence=(*made[key].evidence, _evidence(seen)))
        else:
            made[key] = rule.finding(f"{name} {says}", key[1], _evidence(seen), confidence=Confidence.HIGH)
    return sorted([*found, *made.values()], key=lambda each: each.order)


def unmatched(subject: Subject) -> list[Seen]:
    """The violations that are no finding."""
    return [each for each in subject.runs if each.kind == "violation" and not each.rule]


def _confirmed(finding: Finding, seen: Seen) -> Finding:
    return replace(finding, confidence=Confidence.HIGH, evidence=(*finding.evidence, _evidence(seen)))


def _evidence(seen: Seen) -> Evidence:
    times = f", {seen.count} times" if seen.count > 1 else ""
    symbol = seen.function or seen.entry or None
    if seen.place:
        where = Location(*seen.place, symbol=symbol)
    else:
        where = Location(seen.module or seen.origin, address=seen.offset if seen.module else None, symbol=symbol)
    return Evidence("run", f"seen in a run{times}: {seen.violation or 'served'} {seen.text}", where)


def _is_about(finding: Finding, seen: Seen) -> bool:
    if finding.rule not in _CONFIRMS.get(seen.violation, ()):
        return False
    names = {each for each in (seen.function, seen.entry) if each}
    for each in finding.evidence:
        if each.location.symbol in names:
            return True
        if seen.place and each.location.line == seen.place[1] and _is_same(each.location.artifact, seen.place[0]):
            return True
    return False


def _is_same(one: str, other: str) -> bool:
    """Is it one file, as far as names can tell? Builds of one source may have been made in different folders."""
    if Path(one).absolute() == Path(other).absolute():
        return True
    mine, its = Path(one).parts, Path(other).parts
    shorter = min(len(mine), len(its), 3)
    return shorter > 1 and mine[-shorter:] == its[-shorter:]
