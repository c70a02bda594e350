"""S08: Threads share what C does not guard."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from audit.facts.rust.calls import CALLS, declared, is_foreign, last_name, signatures
from audit.facts.rust.source import function_around, is_test, matches_in, text_of
from audit.model import Confidence, Evidence, Location, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit.facts.rust.source import RustFile
    from audit.model import Finding
    from audit.subject import Subject

_PAGE = """\
A `static mut` that a foreign function gets the address of, or that a function for C changes, is shared by all threads, and
nothing orders them. `unsafe impl Send` or `Sync` on a type that holds a foreign handle says of a C library what only its
documentation can say. The first is reported at medium confidence, the second is a candidate (low): hundreds of correct
wrappers have it. At medium confidence again: such an impl for a type that holds a value of its parameter, `Send` whatever that
is (`unsafe impl<R> Send for Decoder<R>`), beside something of C's.

**What to do.** A `Mutex`, an atomic or `UnsafeCell` in a type that orders accesses; for handles the library's words on
threads beside the impl, and no `Sync` where it wants one thread at a time.

**Source.** RUSTSEC-2020-0100, RUSTSEC-2020-0120; rustc's lint `static_mut_refs`.
"""
_STATIC = "(static_item (mutable_specifier) name: (identifier) @name) @item"
_IMPL = "(impl_item trait: (_) @trait type: (_) @type) @item"
_STRUCT = "(struct_item name: (type_identifier) @name body: (_) @body)"
_OF_C = re.compile(r"\*\s*(?:mut|const)\b|\bNonNull\b|\b(?:ffi|sys|bindings|\w+_sys)::")
_FOR_C = "(function_item (function_modifiers (extern_modifier)) body: (block) @body) @item"
_CHANGES = "[(assignment_expression left: (_) @left) (compound_assignment_expr left: (_) @left)]"


def _check(rule: Rule, subject: Subject) -> Iterator[Finding]:
    foreign = declared(subject.sources)
    for file in subject.sources:
        if not file.in_tests:
            yield from _statics(rule, file, foreign)
    handles, holders = _handles(subject), _holders(subject)
    for file in subject.sources:
        if not file.in_tests:
            yield from _impls(rule, file, handles)
            yield from _unbound(rule, file, holders)


def _statics(rule: Rule, file: RustFile, foreign: frozenset[str]) -> Iterator[Finding]:
    names = {text_of(found["name"]): found["item"] for found in file.matches(_STATIC) if not is_test(found["item"])}
    if not names:
        return
    uses: dict[str, tuple[str, int]] = {}
    for found in file.matches(CALLS):
        if is_foreign(found["function"], foreign) and not is_test(found["call"]):
            for name in names:
                given = rf"(&\s*mut\s+|&raw (?:mut|const)\s+|addr_of(?:_mut)?!\(\s*){name}\b"
                if re.search(given, text_of(found["arguments"])) or f"{name}.as_mut_ptr" in text_of(found["arguments"]):
                    place = (f"given to {last_name(found['function'])}", found["call"].start_point.row + 1)
                    uses.setdefault(name, place)
    for found in file.matches(_FOR_C):
        for each in matches_in(found["body"], _CHANGES):
            name = re.split(r"[.\[]", text_of(each["left"]))[0]
            if name in names:
                owner = function_around(each["left"]) or "?"
                uses.setdefault(name, (f"changed in {owner}, which C calls", each["left"].start_point.row + 1))
    for name, (words, row) in uses.items():
        seen = Evidence("rust", f"static mut {name}", Location(file.path, names[name].start_point.row + 1, symbol=name))
        use = Evidence("rust", words, Location(file.path, row, symbol=name))
        yield rule.finding(f"static mut {name} is {words}, and no lock orders threads", name, seen, use)


def _handles(subject: Subject) -> dict[str, str]:
    """Structs with a field that points to a type of a foreign function's signature: its text."""
    pointees: set[str] = set()
    for file in subject.sources:
        for found in signatures(file):
            pointees.update(re.findall(r"\*\s*(?:mut|const)\s+(?:\w+::)*(\w+)", text_of(found["parameters"])))
    pointees -= {"c_void", "c_char", "c_int", "u8", "i8", "u32", "i32", "usize", "T"}
    found_in: dict[str, str] = {}
    for file in subject.sources:
        for found in file.matches(_STRUCT):
            kinds = r"(?:\*\s*(?:mut|const)\s+|NonNull<\s*)(?:\w+::)*(\w+)"
            held = [each for each in re.findall(kinds, text_of(found["body"])) if each in pointees]
            if held:
                found_in[text_of(found["name"])] = held[0]
    return found_in


def _holders(subject: Subject) -> dict[str, str]:
    """Structs that hold something of C's: the text of their fields."""
    return {
        text_of(found["name"]): text_of(found["body"])
        for file in subject.sources
        for found in file.matches(_STRUCT)
        if _OF_C.search(text_of(found["body"]))
    }


def _unbound(rule: Rule, file: RustFile, holders: dict[str, str]) -> Iterator[Finding]:
    """Send or Sync for a type with a value of a parameter that need not be."""
    for found in file.matches(_IMPL):
        trait, (kind, _, given) = text_of(found["trait"]), text_of(found["type"]).partition("<")
        head = text_of(found["item"]).split("{", 1)[0]
        if (
            trait not in ("Send", "Sync")
            or kind not in holders
            or not head.startswith("unsafe")
            or is_test(found["item"])
        ):
            continue
        for parameter in re.findall(r"\b[A-Z]\w*\b", given):
            value = rf":\s*(?:(?:Box|Option|Vec)<)*{parameter}\b"
            bounds = " ".join(re.findall(rf"\b{parameter}\s*:([^,>{{]*)", head))
            if re.search(value, holders[kind]) and not re.search(r"\b(Send|Sync)\b", bounds):
                text = f"unsafe impl {trait} for {kind}<{given}"
                seen = Evidence("rust", text, Location(file.path, found["item"].start_point.row + 1, symbol=kind))
                words = f"{kind} holds a {parameter} and says that it is {trait} whatever {parameter} is"
                yield rule.finding(words, f"{kind}:{trait}:{parameter}", seen)


def _impls(rule: Rule, file: RustFile, handles: dict[str, str]) -> Iterator[Finding]:
    for found in file.matches(_IMPL):
        trait, kind = text_of(found["trait"]), text_of(found["type"]).split("<")[0]
        if trait not in ("Send", "Sync") or kind not in handles or is_test(found["item"]):
            continue
        if not text_of(found["item"]).startswith("unsafe"):
            continue
        text = f"unsafe impl {trait} for {kind}"
        seen = Evidence("rust", text, Location(file.path, found["item"].start_point.row + 1, symbol=kind))
        words = f"{kind} holds a foreign {handles[kind]} and says that it is {trait}"
        yield rule.finding(words, f"{kind}:{trait}", seen, confidence=Confidence.LOW)


RULE = Rule(
    id="S08",
    title="Threads share what C does not guard",
    severity=Severity.MEDIUM,
    confidence=Confidence.MEDIUM,
    cwe=362,
    page=_PAGE,
    check=_check,
)
