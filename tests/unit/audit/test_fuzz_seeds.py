"""What fuzzing begins with, and the inputs that it once found: nothing comes out, and soon. `make audit-fuzz` looks for more."""

from __future__ import annotations

import time

import pytest

from tests.fuzzing.audit.targets import TARGETS, seeds

_SECONDS = 10.0  # of the CPU; libFuzzer's own limit is the double


@pytest.mark.parametrize("name", TARGETS)
def test_odd_inputs(name: str) -> None:
    count = 0
    for each in seeds(name):
        start = time.process_time()
        TARGETS[name](each)
        assert time.process_time() - start < _SECONDS
        count += 1
    assert count
