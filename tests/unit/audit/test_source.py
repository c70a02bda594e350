"""Rust source: what is only there for tests is told by its attributes."""

from __future__ import annotations

import pytest

from audit.facts.rust.source import RustFile, is_test


@pytest.mark.parametrize(
    ("attribute", "tests"),
    [
        ("#[cfg(test)]", True),
        ('#[cfg(all(test, feature = "std"))]', True),
        ('#[cfg(all(feature = "std", test))]', True),
        ("#[cfg(not(test))]", False),
        ("#[cfg(any(test, unix))]", False),
        ("#[cfg(testing)]", False),
        ('#[cfg(feature = "test")]', False),
    ],
)
def test_code_for_tests(attribute: str, tests: bool) -> None:
    file = RustFile("it.rs", f"{attribute}\nmod it {{ fn f() {{ g() }} }}".encode())
    (call,) = (each["call"] for each in file.matches("(call_expression) @call"))
    assert is_test(call) is tests
