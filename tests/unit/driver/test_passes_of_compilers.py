"""The compilers run every pass, once and in order: with others code would not be isolated as it seems."""

from __future__ import annotations

import pytest

from llvm_pass.driver.compile import all_passes
from llvm_pass.driver.errors import DriverError
from llvm_pass.errors import GaleedError
from llvm_pass.pipeline import DEFAULT_PASSES
from llvm_pass.policy import Policy


def _policy(names: tuple[str, ...]) -> Policy:
    return Policy("galeed.toml", f"passes = {list(names)}", {"passes": list(names)})


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (DEFAULT_PASSES[:-1], "missing: entry-gates"),
        (DEFAULT_PASSES[::-1], "in this order: attributes"),
        ((*DEFAULT_PASSES, "pseudo-pointers"), "named twice"),
        (("lend-everything", *DEFAULT_PASSES), "these passes only: attributes"),
        ((*DEFAULT_PASSES, "print<boundary>"), "these passes only: attributes"),
    ],
)
def test_others_are_refused(names: tuple[str, ...], said: str) -> None:
    with pytest.raises((DriverError, GaleedError), match=f"^galeed.toml:1: .*{said}"):
        all_passes(_policy(names))


def test_all_of_them_are_taken() -> None:
    assert all_passes(_policy(DEFAULT_PASSES)) == DEFAULT_PASSES
    assert all_passes(_policy(DEFAULT_PASSES[1:])) == DEFAULT_PASSES, "attributes goes first unasked"
    assert all_passes(Policy()) == DEFAULT_PASSES
