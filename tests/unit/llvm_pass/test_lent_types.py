"""Which !tbaa tags the policy's structures spare: names as clang writes them, in C and in C++."""

from __future__ import annotations

import pytest

from llvm_pass.analysis.lent_types import lent_types
from llvm_pass.ir.metadata import Metadata


def _spared(name: str, pointee: str, *patterns: str) -> tuple[bool, bool]:
    """Of a structure: are its members, are pointers that are typed to point to it?"""
    lines = [
        f'!0 = !{{!"{name}", !2, i64 0, !2, i64 4}}',
        "!1 = !{!0, !2, i64 4}",
        '!2 = !{!"int", !6, i64 0}',
        "!3 = !{!4, !4, i64 0}",
        f'!4 = !{{!"p1 {pointee}", !5, i64 0}}',
        '!5 = !{!"any pointer", !6, i64 0}',
        '!6 = !{!"omnipotent char", !7, i64 0}',
        '!7 = !{!"Simple C/C++ TBAA"}',
    ]
    found = lent_types(Metadata(lines, 0), patterns)
    assert found.accesses <= {"!1"}
    assert found.pointers <= {"!3"}
    return "!1" in found.accesses, "!3" in found.pointers


@pytest.mark.parametrize(
    ("name", "pointee", "pattern"),
    [
        ("plain", "_ZTS5plain", "plain"),
        ("a$b", "_ZTS3a$b", "a$b"),
        (r"gr\C3\B6\C3\9Fe", r"_ZTS7gr\C3\B6\C3\9Fe", "gr*"),
        ("_ZTS5plain", "_ZTS5plain", "plain"),
        ("_ZTSN2ns1NE", "_ZTSN2ns1NE", "_ZTSN2ns1NE"),
        ("_ZTS2TmIiE", "_ZTS2TmIiE", "_ZTS2TmI*"),
    ],
)
def test_a_listed_structure_is_asked_and_others_are_spared(name: str, pointee: str, pattern: str) -> None:
    assert _spared(name, pointee, pattern) == (False, False)
    assert _spared(name, pointee, "other") == (True, True)


def test_a_structure_without_a_name_is_asked() -> None:
    assert _spared("", "_ZTS5plain", "other") == (False, True)
