"""The compilers run every pass, once and in order: with others code would not be isolated as it seems."""

from __future__ import annotations

import pytest

from llvm_pass.driver.compile import refuse_other_passes
from llvm_pass.driver.errors import DriverError
from llvm_pass.pipeline import DEFAULT_PASSES
from llvm_pass.policy import Policy

POLICY = Policy("galeed.toml", "passes = []", {"passes": []})


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (DEFAULT_PASSES[:-1], "missing: entry-gates"),
        (DEFAULT_PASSES[::-1], "in this order: attributes"),
        ((*DEFAULT_PASSES, "pseudo-pointers"), "in this order: attributes"),
        ((*DEFAULT_PASSES, "lend-everything"), "in this order: attributes"),
    ],
)
def test_others_are_refused(names: tuple[str, ...], said: str) -> None:
    with pytest.raises(DriverError, match=f"^galeed.toml:1: .*{said}"):
        refuse_other_passes(POLICY, names)


def test_all_of_them_are_taken() -> None:
    refuse_other_passes(POLICY, DEFAULT_PASSES)
