"""The Rust table against the Python model, by hypothesis, on each backend.

One process has one runtime, so the machine runs in a child: this file is also the
program that the child runs. Each rule does one thing to both and compares what came
out: handles to the bit, errors, verdicts, addresses. The child counts its steps and
goes on until MINIMUM_STEPS and until each rule has been taken; an emulated CPU is
given fewer steps of the same rules.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import traceback
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    run_state_machine_as_test,
)
from hypothesis.stateful import rule as hypothesis_rule

from pseudoptr import abi
from pseudoptr.abi import Access
from pseudoptr.handle import INDICES, Class, Handle
from pseudoptr.model import Refused
from pseudoptr.model import Table as Model
from pseudoptr.table import BadHandle, NotHeap, Table, TableError
from tests.conftest import scaled

MINIMUM_STEPS = scaled(10_000, 1_000)
STEPS_AN_EXAMPLE = 100
EXAMPLES_A_ROUND = scaled(40, 10)
ROOT = Path(__file__).resolve().parents[2]

small = st.integers(1, 200)
pages = st.integers(4000, 20_000)
medium = st.integers(Class.SMALL.longest_bytes - 2, Class.SMALL.longest_bytes + 70_000)
lengths = st.one_of(small, small, pages, medium)
reaches = st.one_of(st.integers(-9, 9), st.integers(-(1 << 39), 1 << 39))
access_bytes = st.one_of(st.sampled_from((0, 1, 2, 4, 8)), st.integers(0, 1 << 20), st.just((1 << 64) - 1))
accesses = st.sampled_from(Access)


Lent = int | MultipleResults[int]


class Runs:
    """How far the machine has come; `table` is the process's one real table."""

    steps = 0
    untaken: ClassVar[set[str]] = set()
    table: Table


def rule(**keywords: Any) -> Callable[[Callable[..., Any]], Any]:
    """Hypothesis's own, and remembers which rules have been taken."""

    def decorate(step: Callable[..., Any]) -> Any:
        Runs.untaken.add(step.__name__)

        @wraps(step)
        def noted(*arguments: Any, **given: Any) -> Any:
            Runs.untaken.discard(step.__name__)
            return step(*arguments, **given)

        decorator: Any = hypothesis_rule(**keywords)
        return decorator(noted)

    return decorate


class TableMachine(RuleBasedStateMachine):
    """Every rule takes both sides from the same state to the same state."""

    allocations: Bundle[int] = Bundle("allocations")
    handles: Bundle[int] = Bundle("handles")

    def __init__(self) -> None:
        super().__init__()
        self.real = Runs.table
        self.model = MODEL
        self.mine: set[int] = set()

    def teardown(self) -> None:
        """The table outlives an example, the memory does not.

        A failure ends the process here: hypothesis would replay it on a table that
        has moved on, and report that instead of what was found.
        """
        if isinstance(sys.exc_info()[1], (AssertionError, TableError, Refused, pytest.fail.Exception)):
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)
        for base in sorted(self.mine):
            self.real.free(base)
            self.model.free(base)
        self.model.verify()

    @invariant()
    def counts_agree(self) -> None:
        Runs.steps += 1
        assert self.real.live_leases == self.model.live_leases

    def compare(self, pointer: int, length: int, access: Access) -> None:
        expected = self.model.check(pointer, length, access)
        assert self.real.resolve(pointer, length, access) == expected, f"{pointer:#x}, {length}, {access!r}"

    # ---- the heap --------------------------------------------------------

    @rule(target=allocations, length=lengths)
    def allocate(self, length: int) -> int:
        base = self.real.allocate(length)
        assert self.model.holding(base) is None or self.model.holding(base + length) is None
        self.model.allocate(base, length)
        self.mine.add(base)
        return base

    @rule(base=consumes(allocations))
    def free(self, base: int) -> None:
        self.real.free(base)
        self.model.free(base)
        self.mine.remove(base)

    @rule(target=allocations, base=consumes(allocations), length=lengths)
    def reallocate(self, base: int, length: int) -> int:
        return self.reallocate_both(base, length)

    def reallocate_both(self, base: int, length: int) -> int:
        now = self.real.reallocate(base, length)
        if now == base:
            self.model.resize(base, length)
        else:
            self.model.free(base)
            self.model.allocate(now, length)
        self.mine.remove(base)
        self.mine.add(now)
        return now

    @rule(target=allocations, base=consumes(allocations), change=st.integers(-2000, 2000))
    def reallocate_a_little(self, base: int, change: int) -> int:
        """Often in place."""
        length = self.model.allocations[base].length_bytes
        return self.reallocate_both(base, max(1, length + change * length // 20_000 + change // 200))

    # ---- lending ---------------------------------------------------------

    @rule(target=handles, base=allocations, part=st.floats(0, 1))
    def lend(self, base: int, part: float) -> int:
        address = base + int(self.model.allocations[base].length_bytes * part)
        handle = self.real.lend(address)
        assert handle == self.model.lend(address)
        assert handle & 7 == address & 7
        return handle

    @rule(address=st.one_of(st.integers(0, 1 << 47), st.just(abi.HOST_BASE + (1 << abi.HOST_SHIFT) - 1)))
    def lend_what_is_not_the_heaps(self, address: int) -> None:
        if self.model.holding(address) is None:
            with pytest.raises(NotHeap):
                self.real.lend(address)

    @rule(
        target=handles,
        base=allocations,
        start=st.floats(0, 1),
        length=st.one_of(small, pages),
        writable=st.booleans(),
    )
    def lend_range(self, base: int, start: float, length: int, writable: bool) -> Lent:
        address = base + int(self.model.allocations[base].length_bytes * start)
        return self.lend_range_on_both(address, length, writable)

    @rule(target=handles, base=allocations, length=small, writable=st.booleans())
    def lend_the_tail(self, base: int, length: int, writable: bool) -> Lent:
        end = self.model.allocations[base].end
        return self.lend_range_on_both(max(base, end - length), min(length, end - base), writable)

    @rule(
        target=handles,
        address=st.one_of(st.integers(0, 1 << 20), st.integers(0x7000_0000_0000, 1 << 47)),
        length=st.one_of(small, medium, st.integers(1 << 29, 1 << 37)),
        writable=st.booleans(),
    )
    def lend_range_elsewhere(self, address: int, length: int, writable: bool) -> Lent:
        return self.lend_range_on_both(address, length, writable)

    @rule(
        before=st.integers(0, 100),
        length=st.integers(0, 1 << 38),
        place=st.sampled_from((abi.HOST_BASE, abi.PUBLISHED_BASE, abi.TABLE)),
    )
    def lend_range_across_ours(self, before: int, length: int, place: int) -> None:
        self.lend_range_on_both(place - before, before + length + 1, False)

    def lend_range_on_both(self, address: int, length: int, writable: bool) -> Lent:
        expected: int | None = None
        error: int | None = None
        try:
            expected = self.model.lend_range(address, length, writable=writable)
        except Refused as refused:
            error = refused.error
        if expected is not None:
            assert self.real.lend_range(address, length, writable=writable) == expected
            return expected
        with pytest.raises(TableError) as caught:
            self.real.lend_range(address, length, writable=writable)
        assert caught.value.code == error
        return multiple()

    @rule(handle=handles, stray=st.integers(-50, 50))
    def revoke(self, handle: int, stray: int) -> None:
        """Also of dead handles, and twice."""
        for _ in range(2):
            try:
                self.model.revoke(handle + stray)
            except Refused:
                with pytest.raises(BadHandle):
                    self.real.revoke(handle + stray)
            else:
                self.real.revoke(handle + stray)

    @rule(length=st.integers(Class.MEDIUM.longest_bytes + 1, Class.LARGE.longest_bytes))
    def exhaust_an_index(self, length: int) -> None:
        """All generations of one large index; then it must never come again."""
        seen: list[int] = []
        while not seen or Handle.decode(seen[-1]).index == Handle.decode(seen[0]).index:
            handle = self.real.lend_range(1 << 12, length)
            assert handle == self.model.lend_range(1 << 12, length, writable=False)
            self.real.revoke(handle)
            self.model.revoke(handle)
            seen.append(handle)
        for handle in seen:
            self.compare(handle, 1, Access.READ)

    # ---- using -----------------------------------------------------------

    @rule(handle=handles, reach=reaches, length=access_bytes, access=accesses)
    def check(self, handle: int, reach: int, length: int, access: Access) -> None:
        self.compare((handle + reach) % (1 << 64), length, access)

    @rule(handle=handles, length=access_bytes, access=accesses)
    def check_at_the_edges(self, handle: int, length: int, access: Access) -> None:
        lease = self.model.live_lease(handle)
        if lease is not None:
            for edge in (lease.base, lease.base + lease.length_bytes):
                for pointer in (edge - length, edge - 1, edge, edge + 1):
                    self.compare(pointer % (1 << 64), length, access)

    @rule(handle=handles, data=st.data(), access=accesses)
    def check_forged(self, handle: int, data: st.DataObject, access: Access) -> None:
        """Each field by itself: tag, index, generation, offset."""
        fields = Handle.decode(handle)
        kind = fields.kind
        index = data.draw(st.one_of(st.integers(kind.first, kind.first + 40), st.integers(0, INDICES - 1)))
        other = Class.of_index(index)
        generation = min(fields.generation, other.last_generation)
        forged = (
            Handle(index, generation, fields.offset & ((1 << other.offset_bits) - 1)).encode(),
            Handle(fields.index, data.draw(st.integers(0, kind.last_generation)), fields.offset).encode(),
            Handle(fields.index, fields.generation, data.draw(st.integers(0, (1 << kind.offset_bits) - 1))).encode(),
            handle ^ data.draw(st.sampled_from((1, 2, 3))) << abi.TAG_SHIFT,
        )
        for pointer in forged:
            self.compare(pointer, 1, access)

    @rule(handle=handles)
    def describe(self, handle: int) -> None:
        lease = self.model.live_lease(handle)
        if lease is None:
            return
        info = self.real.describe(handle)
        assert (info.handle, info.address, info.length_bytes) == (lease.base, lease.address, lease.length_bytes)
        assert (info.index, info.generation) == (lease.handle.index, lease.handle.generation)
        assert (info.live, info.writable, info.code) == (True, lease.writable, False)


MODEL = Model()


def main() -> None:
    """Runs the machine until MINIMUM_STEPS and each rule; a failure ends it with the falsifying example."""
    Runs.table = Table()
    rounds = 0
    while Runs.steps < MINIMUM_STEPS or Runs.untaken:
        rounds += 1
        run_state_machine_as_test(
            seed(rounds)(TableMachine),
            settings=settings(
                max_examples=EXAMPLES_A_ROUND,
                stateful_step_count=STEPS_AN_EXAMPLE,
                deadline=None,
                database=None,
                # One table serves all examples: a failure cannot be replayed smaller.
                phases=(Phase.generate,),
                suppress_health_check=list(HealthCheck),
            ),
        )
    print(Runs.steps)


@pytest.fixture(scope="session")
def library() -> Path:
    """libgaleed.so, built by cargo."""
    if shutil.which("cargo") is None:
        pytest.skip("cargo is not in PATH")
    build = ["cargo", "build", "--quiet", "--package", "galeed-host"]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    target = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
    return target / "debug" / "libgaleed.so"


@pytest.mark.slow
def test_the_table_does_what_the_model_says(library: Path, backend: str) -> None:
    environment = dict(os.environ, GALEED_BACKEND=backend)
    environment.update(GALEED_LIBRARY=str(library), PYTHONPATH=str(ROOT))
    done = subprocess.run(
        [sys.executable, "-W", "error", __file__],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout) >= MINIMUM_STEPS


if __name__ == "__main__":
    main()
