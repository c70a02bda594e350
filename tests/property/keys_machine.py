"""The Python API of virtual keys against an executable model; run by test_keys_model.py in a process of its own.

The model: per group, the process-wide rights and the begins of one thread, newest
last. What the thread may do is its newest begin, or else the process's rights; on
mprotect, where both are the process's, the two together. The kernel says what it
really may do: a system call on closed memory returns EFAULT.
"""

from __future__ import annotations

import os
from typing import Any

import hypothesis.strategies as st
from cffi import FFI
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

import mpk
from mpk import Prot

ffi = FFI()
ffi.cdef("ssize_t write(int fd, const void *address, size_t size); ssize_t read(int fd, void *address, size_t size);")
LIBC: Any = ffi.dlopen(None)
READ, WRITE = Prot.READ, Prot.READ | Prot.WRITE
VKEYS = st.integers(0, 25)


def rights_on(group: mpk.PageGroup, pipe: tuple[int, int]) -> Prot:
    """What the kernel lets this thread do with the group's last byte."""
    address = ffi.cast("void *", group.address + group.size_bytes - 1)
    found = Prot.NONE
    if LIBC.write(pipe[1], address, 1) == 1:
        found |= Prot.READ
    else:
        os.write(pipe[1], b"\0")
    if LIBC.read(pipe[0], address, 1) == 1:
        found |= Prot.WRITE
    else:
        os.read(pipe[0], 1)
    return found


class Keys(RuleBasedStateMachine):
    """Groups 0 to 25, more than there are hardware keys."""

    @initialize()
    def begin_empty(self) -> None:
        self.pipe = os.pipe()
        self.groups: dict[int, mpk.PageGroup] = {}
        self.process: dict[int, Prot] = {}
        self.begins: dict[int, list[Prot]] = {}
        self.content: dict[int, int] = {}
        self.blocks: dict[int, dict[int, int]] = {}

    def teardown(self) -> None:
        for vkey, group in getattr(self, "groups", {}).items():
            for _ in self.begins[vkey]:
                group.end()
            group.unmap()
        for end in getattr(self, "pipe", ()):
            os.close(end)

    def rights(self, vkey: int) -> Prot:
        begun = self.begins[vkey]
        if not begun:
            return self.process[vkey]
        return begun[-1] if mpk.backend() is mpk.Backend.PKU else begun[-1] | self.process[vkey]

    def expect(self, error: type[mpk.MpkError], call: object, *arguments: object) -> None:
        try:
            call(*arguments)  # type: ignore[operator]
        except error:
            return
        raise AssertionError(f"{error.__name__} expected")

    @rule(vkey=VKEYS, pages=st.integers(1, 3))
    def map(self, vkey: int, pages: int) -> None:
        if vkey in self.groups:
            self.expect(mpk.VirtualKeyError, mpk.PageGroup, vkey, pages * 4096)
            return
        self.groups[vkey] = mpk.PageGroup(vkey, pages * 4096)
        self.process[vkey], self.begins[vkey] = Prot.NONE, []
        self.content[vkey], self.blocks[vkey] = 0, {}

    @rule(vkey=VKEYS)
    def unmap(self, vkey: int) -> None:
        if vkey not in self.groups:
            return
        if self.begins[vkey]:
            self.expect(mpk.PinnedError, self.groups[vkey].unmap)
            return
        group = self.groups.pop(vkey)
        group.unmap()
        self.expect(mpk.VirtualKeyError, group.begin)

    @rule(vkey=VKEYS, prot=st.sampled_from((READ, WRITE)))
    def begin(self, vkey: int, prot: Prot) -> None:
        if vkey not in self.groups:
            return
        if sum(map(len, self.begins.values())) == 64:
            self.expect(mpk.GateDepthError, self.groups[vkey].begin, prot)
            return
        try:
            self.groups[vkey].begin(prot)
        except mpk.PinnedError:
            pinned = sum(bool(begun) for begun in self.begins.values())
            assert mpk.backend() is mpk.Backend.PKU and not self.begins[vkey] and pinned >= 10
        else:
            self.begins[vkey].append(prot)

    @rule(vkey=VKEYS)
    def end(self, vkey: int) -> None:
        if vkey not in self.groups:
            return
        if self.begins[vkey]:
            self.groups[vkey].end()
            self.begins[vkey].pop()
        else:
            self.expect(mpk.InvalidArgumentError, self.groups[vkey].end)

    @rule(vkey=VKEYS, prot=st.sampled_from((Prot.NONE, READ, WRITE)))
    def protect(self, vkey: int, prot: Prot) -> None:
        if vkey not in self.groups:
            return
        try:
            self.groups[vkey].protect(prot)
        except mpk.PinnedError:  # no key left to hold what waits
            assert sum(bool(begun) for begun in self.begins.values()) >= 10
        else:
            self.process[vkey] = prot

    @rule(vkey=VKEYS, value=st.integers(0, 255))
    def write(self, vkey: int, value: int) -> None:
        if vkey in self.groups and self.rights(vkey) & Prot.WRITE:
            group = self.groups[vkey]
            ffi.buffer(ffi.cast("char *", group.address + group.size_bytes - 1), 1)[0] = bytes([value])
            self.content[vkey] = value

    @rule(vkey=VKEYS, size=st.integers(0, 2000))
    def allocate(self, vkey: int, size: int) -> None:
        if vkey not in self.groups:
            return
        group, begun = self.groups[vkey], self.begins[vkey]
        if not (begun[-1] if begun else self.process[vkey]) & Prot.WRITE:
            self.expect(mpk.InvalidArgumentError, group.allocate, size)
            return
        try:
            block = group.allocate(size)
        except mpk.NoMemoryError:
            return
        if block + size >= group.address + group.size_bytes:  # the byte that `write` uses
            group.free(block)
            return
        for other, other_size in self.blocks[vkey].items():
            assert block + max(size, 1) <= other or other + max(other_size, 1) <= block
        self.blocks[vkey][block] = size

    @rule(vkey=VKEYS)
    def free(self, vkey: int) -> None:
        if vkey not in self.groups or not self.blocks[vkey]:
            return
        begun = self.begins[vkey]
        block = next(iter(self.blocks[vkey]))
        if not (begun[-1] if begun else self.process[vkey]) & Prot.WRITE:
            self.expect(mpk.InvalidArgumentError, self.groups[vkey].free, block)
            return
        self.groups[vkey].free(block)
        del self.blocks[vkey][block]
        self.expect(mpk.InvalidArgumentError, self.groups[vkey].free, block)

    @invariant()
    def kernel_agrees(self) -> None:
        for vkey, group in getattr(self, "groups", {}).items():
            rights = rights_on(group, self.pipe)
            assert rights == self.rights(vkey), (vkey, rights, self.rights(vkey))
            if rights & Prot.READ:
                found = ffi.buffer(ffi.cast("char *", group.address + group.size_bytes - 1), 1)[0]
                self.content[vkey] = found[0] if rights & Prot.WRITE else self.content[vkey]
                assert found[0] == self.content[vkey]
        assert mpk.keys_statistics().groups == len(getattr(self, "groups", {}))


if __name__ == "__main__":
    run_state_machine_as_test(
        Keys,
        settings=settings(
            max_examples=int(os.environ.get("KEYS_EXAMPLES", "60")),
            stateful_step_count=60,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    print("ok")
