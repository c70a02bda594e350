"""S04: Rust takes over memory that a foreign allocator gave."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from audit.facts.rust.calls import CALLS, MALLOCS, called, declared, first
from audit.facts.rust.source import function_around, is_test, text_of
from audit.model import Confidence, Evidence, Location, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit.model import Finding
    from audit.subject import Subject

_PAGE = """\
`Box::from_raw`, `CString::from_raw`, `Vec::from_raw_parts` and their like free with Rust's allocator. On memory that C
allocated this is the wrong one: the behaviour is undefined. Reported: such a call on the result of a foreign function, in
one function. On malloc's own result it is sure; on another foreign function's it is a candidate (low confidence) where the
crate has the same type's `into_raw`, and the function may give back what Rust gave it (`get_user_data`), else medium.

**What to do.** Copy (`CStr::from_ptr(p).to_owned()`) and free with the function that the library names; or a type of its own
whose `Drop` calls that.

**Source.** The documentation of `CString::from_raw` and `Box::from_raw`.
"""
_FROM = re.compile(
    r"(?:^|<|::)(Box|CString|Vec|String|Rc|Arc)(?:(?:::)?<.*>)?>?::(from_raw|from_raw_parts)$", re.DOTALL
)


def _check(rule: Rule, subject: Subject) -> Iterator[Finding]:
    foreign = declared(subject.sources)
    gives = {
        kind: re.compile(
            rb"\b%s\b[^;{}]{0,120}\binto_raw|\.into_raw\(|\bforget\b|ManuallyDrop|\bleak\b" % kind.encode()
        )
        for kind in ("Box", "CString", "Vec", "String", "Rc", "Arc")
    }
    for file in subject.sources:
        if file.in_tests or b"from_raw" not in file.text:
            continue
        for found in file.matches(CALLS):
            match = _FROM.search(re.sub(r"\s+", "", text_of(found["function"])))
            value = first(found["arguments"])
            if match is None or value is None or is_test(found["call"]):
                continue
            source = called(value, foreign)
            if not source:
                continue
            given = any(gives[match[1]].search(each.text) for each in subject.sources)
            sure = Confidence.HIGH if source in MALLOCS else Confidence.LOW if given else Confidence.MEDIUM
            name = function_around(found["call"]) or "?"
            place = Location(file.path, *file.position(found["call"]), symbol=name)
            seen = Evidence("rust", text_of(found["call"]).replace("\n", " ")[:120], place)
            words = f"{name} makes a {match[1]} of what {source} returned"
            yield rule.finding(words, f"{name}:{match[1]}:{source}", seen, confidence=sure)


RULE = Rule(
    id="S04",
    title="Rust takes over memory that a foreign allocator gave",
    severity=Severity.HIGH,
    confidence=Confidence.MEDIUM,
    cwe=762,
    page=_PAGE,
    check=_check,
)
