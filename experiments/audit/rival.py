"""A rival to measure against: a line of Rust source that matches a pattern is a finding of the class.

This is what a reviewer's grep does. It reads the same halves, and is judged by the same known bugs.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from audit.model import Confidence, Evidence, Finding, Location, Severity

if TYPE_CHECKING:
    from pathlib import Path

PATTERNS = {
    "I03": r"\binto_raw\(|mem::forget\(",
    "I07": r"as \*mut (c_void|_)\b|cast::<c_void>\(\)",
    "I10": r"\*const .* as \*mut\b",
    "I12": r"assume_init\(|mem::(uninitialized|zeroed)\(",
    "I13": r"transmute\b",
    "I14": r"from_raw_parts(_mut)?\(|NonNull::new_unchecked\(|CStr::from_ptr\(",
    "I15": r"\.as_ptr\(\)(\.cast(::<.*>)?\(\)| as \*const (c_char|i8|_))",
    "S02": r"^\s*(pub )?struct \w+",
    "S03": r"\binto_raw\(|mem::forget\(",
    "S04": r"(Box|CString|Vec|String|Arc|Rc)::from_raw(_parts)?\(",
    "S05": r"CString::new\(.*\.as_ptr\(\)",
    "S06": r"from_utf8_unchecked\(",
    "S07": r"\.unwrap\(\)|\.expect\(|\b(panic|assert|assert_eq)!\(",
    "S08": r"static mut\b|unsafe impl.* (Send|Sync) for",
    "S09": r"derive\(.*\bClone\b|pub fn .*\*(mut|const) ",
    "S10": r"\*const .* as \*mut\b",
}
_NOT_SOURCE = frozenset({"tests", "examples", "benches", "target", "linked"})


def findings(folder: Path) -> list[Finding]:
    """One for each line that matches."""
    patterns = {rule: re.compile(text) for rule, text in PATTERNS.items()}
    found = []
    for path in sorted(folder.rglob("*.rs")):
        if _NOT_SOURCE & set(path.relative_to(folder).parts):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").split("\n"), 1):
            text = line.split("//", 1)[0]
            for rule, pattern in patterns.items():
                if pattern.search(text):
                    seen = Evidence("rust", text.strip(), Location(str(path), number))
                    key = f"{path.relative_to(folder)}: {text.strip()}"
                    found.append(Finding(rule, Severity.MEDIUM, Confidence.MEDIUM, text.strip(), key, (seen,)))
    return found
