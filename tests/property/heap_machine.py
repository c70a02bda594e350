"""The C heap of two domains against an executable model; run by test_heap_model.py in a process of its own.

The model: per domain, the bytes of each live allocation, by address, and the limit. One
domain has every part of heap hardening, one none. Each misuse must be a violation of the
kind that the model says, and change nothing: the process runs with policy `report`, and
the runtime's own report file says what it was.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, assume, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from mpk._native import ffi, lib

LIB: Any = lib
REPORT = Path(os.environ["GALEED_REPORT"])
RESERVE_BYTES = 64 << 20
DOMAINS = st.integers(0, 1)
SIZES = st.one_of(
    st.integers(0, 300),
    st.integers(0, 20_000),
    st.sampled_from([4095, 4096, 4097, 65536, 131072, 1 << 20]),
)
ALIGNS = st.sampled_from([0, 1, 2, 4, 8, 16, 64, 4096, 1 << 16])
BAD_ALIGNS = st.sampled_from([3, 5, 6, 7, 12, 24, 4097, (1 << 63) + 1])
TOO_LONG = st.sampled_from([RESERVE_BYTES, RESERVE_BYTES - 1, 1 << 47, 1 << 63, (1 << 64) - 4096, (1 << 64) - 1])
LIMITS = st.sampled_from([0, 1 << 20, 2 << 20, 8 << 20])
SAMPLE = 64  # bytes compared at either end


class Heap(RuleBasedStateMachine):
    """Domain 0 has a plain heap, domain 1 a hardened one; both stay open."""

    @initialize()
    def begin(self) -> None:
        self.handles: list[Any] = []
        self.previous: list[int] = []
        self.live: list[dict[int, bytes]] = [{}, {}]
        self.limits = [0, 0]
        self.fill = 0
        self.told = REPORT.stat().st_size if REPORT.exists() else 0
        for parts in (LIB.MPK_HEAP_DEFAULT, LIB.MPK_HEAP_HARDENED):
            handle = ffi.new("mpk_domain **")
            assert LIB.mpk_domain_create(RESERVE_BYTES, handle) == 0
            assert LIB.mpk_heap_harden(handle[0], parts) == 0
            previous = ffi.new("enum mpk_rights *")
            assert LIB.mpk_domain_open(handle[0], LIB.MPK_READ_WRITE, previous) == 0
            self.handles.append(handle[0])
            self.previous.append(previous[0])

    def teardown(self) -> None:
        for handle, previous in zip(getattr(self, "handles", ()), getattr(self, "previous", ()), strict=True):
            assert LIB.mpk_domain_close(handle, previous) == 0
            assert LIB.mpk_domain_destroy(handle) == 0

    def violations(self) -> list[tuple[str, str]]:
        """Kind and detail of those since the last call."""
        if not REPORT.exists():
            return []
        with REPORT.open() as file:
            file.seek(self.told)
            lines = file.readlines()
            self.told = file.tell()
        told = [json.loads(line) for line in lines]
        return [(str(one["violation"]), str(one["detail"])) for one in told]

    def expect(self, kind: str, words: str) -> None:
        (one,) = self.violations()
        assert one[0] == kind, one
        assert words in one[1], one

    def pick(self, domain: int, which: int) -> int:
        assume(self.live[domain])
        return sorted(self.live[domain])[which % len(self.live[domain])]

    def used(self, domain: int) -> int:
        out: Any = ffi.new("struct mpk_heap_stats *")
        LIB.mpk_heap_statistics(self.handles[domain], out)
        return int(out.used_bytes)

    def started(self, domain: int, base: Any, size: int, align: int, kept: bytes = b"") -> None:
        address = int(ffi.cast("uintptr_t", base))
        assert address % (align or 16) == 0
        assert LIB.mpk_heap_usable_bytes(self.handles[domain], base) >= size
        for other, content in self.live[domain].items():
            assert address + size < other or other + len(content) < address, "two allocations overlap"
        assert bytes(ffi.buffer(base, size))[: len(kept)] == kept
        self.fill = self.fill % 255 + 1
        content = kept + bytes([self.fill]) * (size - len(kept))
        ffi.buffer(base, size)[:] = content
        self.live[domain][address] = content

    @rule(domain=DOMAINS, size=SIZES, align=ALIGNS, zero=st.booleans())
    def allocate(self, domain: int, size: int, align: int, zero: bool) -> None:
        handle = self.handles[domain]
        base = (LIB.mpk_heap_calloc if zero else LIB.mpk_heap_alloc)(handle, size, align)
        if base == ffi.NULL:
            assert self.limits[domain]
            assert LIB.mpk_heap_refusal(handle, size, align) in (LIB.MPK_ELIMIT, 0)
            return
        if zero:
            assert not any(bytes(ffi.buffer(base, size)))
        self.started(domain, base, size, align)

    @rule(domain=DOMAINS, which=st.integers(0), size=SIZES, align=ALIGNS)
    def resize(self, domain: int, which: int, size: int, align: int) -> None:
        address = self.pick(domain, which)
        content = self.live[domain][address]
        base = LIB.mpk_heap_realloc(self.handles[domain], ffi.cast("void *", address), size, align)
        if base == ffi.NULL:
            assert self.limits[domain]  # and the old one lives: the invariant looks
            return
        del self.live[domain][address]
        self.started(domain, base, size, align, content[:size])

    @rule(domain=DOMAINS, which=st.integers(0), sized=st.booleans())
    def release(self, domain: int, which: int, sized: bool) -> None:
        address = self.pick(domain, which)
        size = len(self.live[domain].pop(address))
        handle, base = self.handles[domain], ffi.cast("void *", address)
        if sized:
            LIB.mpk_heap_free_sized(handle, base, size, 1)
        else:
            LIB.mpk_heap_free(handle, base)
        assert self.violations() == []
        LIB.mpk_heap_free(handle, base)
        self.expect("temporal", "double free")
        assert LIB.mpk_heap_realloc(handle, base, size + 1, 8) == ffi.NULL
        self.expect("temporal", "double free")

    @rule(domain=DOMAINS, which=st.integers(0), wrong=st.integers(0, 1 << 40), align=BAD_ALIGNS)
    def release_with_wrong_words(self, domain: int, which: int, wrong: int, align: int) -> None:
        address = self.pick(domain, which)
        size = len(self.live[domain][address])
        handle, base = self.handles[domain], ffi.cast("void *", address)
        LIB.mpk_heap_free_sized(handle, base, size, align)
        self.expect("type", "wrong alignment")
        if wrong != size:
            LIB.mpk_heap_free_sized(handle, base, wrong, 1)
            self.expect("type", "wrong size")

    @rule(domain=DOMAINS, which=st.integers(0), offset=st.integers(1))
    def release_inside(self, domain: int, which: int, offset: int) -> None:
        address = self.pick(domain, which)
        size = len(self.live[domain][address])
        assume(size)
        offset = 1 + offset % size
        LIB.mpk_heap_free(self.handles[domain], ffi.cast("void *", address + offset))
        self.expect("spatial", "inside an allocation")

    @rule(domain=DOMAINS, which=st.integers(0))
    def release_in_the_other_domain(self, domain: int, which: int) -> None:
        address = self.pick(domain, which)
        LIB.mpk_heap_free(self.handles[1 - domain], ffi.cast("void *", address))
        self.expect("forged", "another domain")
        assert LIB.mpk_heap_realloc(self.handles[1 - domain], ffi.cast("void *", address), 100, 8) == ffi.NULL
        self.expect("forged", "another domain")

    @rule(domain=DOMAINS)
    def release_what_is_no_heaps(self, domain: int) -> None:
        own = ffi.new("char[64]")
        LIB.mpk_heap_free(self.handles[domain], own)
        self.expect("forged", "another allocator")
        LIB.mpk_heap_free(self.handles[domain], ffi.NULL)
        LIB.mpk_heap_free_sized(self.handles[domain], ffi.NULL, 10, 3)

    @rule(domain=DOMAINS, size=SIZES, align=BAD_ALIGNS, zero=st.booleans())
    def allocate_badly_aligned(self, domain: int, size: int, align: int, zero: bool) -> None:
        handle = self.handles[domain]
        assert (LIB.mpk_heap_calloc if zero else LIB.mpk_heap_alloc)(handle, size, align) == ffi.NULL
        assert LIB.mpk_heap_realloc(handle, ffi.NULL, size, align) == ffi.NULL
        assert LIB.mpk_heap_refusal(handle, size, align) == LIB.MPK_EINVALID

    @rule(domain=DOMAINS, size=TOO_LONG, align=ALIGNS, which=st.integers(0))
    def allocate_too_much(self, domain: int, size: int, align: int, which: int) -> None:
        handle = self.handles[domain]
        assert LIB.mpk_heap_alloc(handle, size, align) == ffi.NULL
        assert LIB.mpk_heap_calloc(handle, size, align) == ffi.NULL
        assert LIB.mpk_heap_refusal(handle, size, align) in (LIB.MPK_ENOMEM, LIB.MPK_ELIMIT)
        if self.live[domain]:
            base = ffi.cast("void *", self.pick(domain, which))
            assert LIB.mpk_heap_realloc(handle, base, size, align) == ffi.NULL

    @rule(domain=DOMAINS, limit=LIMITS)
    def limit(self, domain: int, limit: int) -> None:
        assert LIB.mpk_domain_limit(self.handles[domain], limit) == 0
        self.limits[domain] = limit
        self.most = [self.used(0), self.used(1)]

    @invariant()
    def agrees(self) -> None:
        if not hasattr(self, "handles"):
            return
        assert self.violations() == []
        for domain, handle in enumerate(self.handles):
            out: Any = ffi.new("struct mpk_heap_stats *")
            LIB.mpk_heap_statistics(handle, out)
            live = self.live[domain]
            assert out.live_allocations == len(live)
            assert out.live_bytes == sum(map(len, live.values()))
            if self.limits[domain]:
                assert out.used_bytes <= max(self.limits[domain], self.most[domain])
            assert LIB.mpk_heap_check(handle) == 0
            for address, content in live.items():
                found = ffi.buffer(ffi.cast("char *", address), len(content))
                assert bytes(found[:SAMPLE]) == content[:SAMPLE]
                assert bytes(found[-SAMPLE:]) == content[-SAMPLE:]


if __name__ == "__main__":
    run_state_machine_as_test(
        Heap,
        settings=settings(
            max_examples=int(os.environ["HEAP_EXAMPLES"]),
            stateful_step_count=60,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
    print("ok")
