"""What the table must do: an executable model to hold the real one against.

It covers one thread of a host that allocates, lends, lends ranges, revokes, frees
and resizes, and answers what an access through any 64-bit pointer would be. It is
exact: also which index and generation a new lease gets (the most recently freed
index of the class, else the next unused one), so a handle that is wrong in any bit
shows. It owns no memory; addresses are numbers that the caller says.

Invariants, which ``Table.verify`` checks: no generation of an index is used twice;
no live lease lies in memory that was freed; each allocation has one stable lease
at most.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from pseudoptr import abi
from pseudoptr.abi import Access, Error, Kind
from pseudoptr.handle import Class, Handle, is_handle

USER_END = 1 << 47
"""One past the last address of user space."""
_HOST_END = abi.HOST_BASE + (1 << abi.HOST_SHIFT)
_PUBLISHED_END = abi.PUBLISHED_BASE + abi.PUBLISHED_BYTES


class Refused(Exception):
    """The operation fails with this error of galeed.h; nothing changed."""

    def __init__(self, error: Error) -> None:
        super().__init__(error.name)
        self.error = error


@dataclass(eq=False)
class Lease:
    """One lease, live or ended. ``base``: the handle of its first byte."""

    base: int
    address: int
    length_bytes: int
    writable: bool
    live: bool = True

    @property
    def handle(self) -> Handle:
        """Its fields."""
        return Handle.decode(self.base)


@dataclass(eq=False)
class Allocation:
    """A live allocation of the host heap. ``ranges``: the newest first."""

    base: int
    length_bytes: int
    stable: Lease | None = None
    ranges: list[Lease] = field(default_factory=list)

    @property
    def end(self) -> int:
        """One past its last byte, which belongs to it."""
        return self.base + self.length_bytes


@dataclass
class _Index:
    """An index that was used: its latest lease."""

    generation: int
    lease: Lease


class Table:
    """The model. Lengths and offsets in bytes; handles are 64-bit numbers."""

    def __init__(self) -> None:
        self.allocations: dict[int, Allocation] = {}
        self._elsewhere: list[Lease] = []
        self._used: dict[int, _Index] = {}
        self._free: dict[Class, list[int]] = {each: [] for each in Class}
        self._fresh = {each: each.first for each in Class}
        self.live_leases = 0
        """How many leases are live."""

    # ---- the heap says ---------------------------------------------------

    def allocate(self, base: int, length_bytes: int) -> Allocation:
        """The heap gave out this memory."""
        self.allocations[base] = Allocation(base, length_bytes)
        return self.allocations[base]

    def free(self, base: int) -> None:
        """The allocation dies, and every lease on it: the stable one, then the newest range."""
        allocation = self.allocations.pop(base)
        if allocation.stable is not None:
            self._end(allocation.stable)
        for lease in allocation.ranges:
            self._end(lease)

    def resize(self, base: int, length_bytes: int) -> None:
        """In place. Ranges that no longer fit end, and a stable lease whose handle has no room."""
        allocation = self.allocations[base]
        allocation.length_bytes = length_bytes
        for lease in list(allocation.ranges):
            if lease.address + lease.length_bytes > allocation.end:
                allocation.ranges.remove(lease)
                self._end(lease)
        if allocation.stable is not None:
            if length_bytes > allocation.stable.handle.kind.longest_bytes:
                self._end(allocation.stable)
                allocation.stable = None
            else:
                allocation.stable.length_bytes = length_bytes

    # ---- the host asks ---------------------------------------------------

    def lend(self, address: int) -> int:
        """The stable handle for an address. raises: Refused(NOT_HEAP), Refused(FULL)."""
        allocation = self.holding(address)
        if allocation is None:
            raise Refused(Error.NOT_HEAP)
        if allocation.stable is None:
            allocation.stable = self._begin(allocation.base, allocation.length_bytes, writable=True)
        return allocation.stable.base + address - allocation.base

    def lend_range(self, address: int, length_bytes: int, *, writable: bool) -> int:
        """A lease of its own. raises: Refused(INVALID), Refused(NOT_HEAP), Refused(FULL)."""
        end = address + length_bytes
        if address == 0 or end > USER_END:
            raise Refused(Error.INVALID)
        if abi.HOST_BASE <= address < _HOST_END:
            allocation = self.holding(address)
            if allocation is None or end > allocation.end:
                raise Refused(Error.NOT_HEAP)
            lease = self._begin(address, length_bytes, writable=writable)
            allocation.ranges.insert(0, lease)
            return lease.base
        ours = ((abi.HOST_BASE, _HOST_END), (abi.PUBLISHED_BASE, _PUBLISHED_END))
        if any(address < last and first < end for first, last in ours):
            raise Refused(Error.INVALID)
        lease = self._begin(address, length_bytes, writable=writable)
        self._elsewhere.append(lease)
        return lease.base

    def revoke(self, pointer: int) -> None:
        """Ends the lease that the handle points into. raises: Refused(HANDLE)."""
        lease = self.live_lease(pointer)
        if lease is None:
            raise Refused(Error.HANDLE)
        if lease in self._elsewhere:
            self._elsewhere.remove(lease)
        for allocation in self.allocations.values():
            if allocation.stable is lease:
                allocation.stable = None
            elif lease in allocation.ranges:
                allocation.ranges.remove(lease)
        self._end(lease)

    def check(self, pointer: int, length_bytes: int, access: Access) -> tuple[Kind | None, int]:
        """What an access would be: (None, address), or (the violation, 0)."""
        if not is_handle(pointer):
            return Kind.FORGED, 0
        handle = Handle.decode(pointer)
        known = self._used.get(handle.index)
        if known is None or handle.generation > known.generation:
            return Kind.FORGED, 0
        lease = known.lease
        if handle.generation < known.generation or not lease.live:
            return Kind.TEMPORAL, 0
        offset = pointer - lease.base
        if access is Access.EXECUTE:
            return Kind.TYPE, 0
        if offset < 0 or offset + length_bytes > lease.length_bytes:
            return Kind.SPATIAL, 0
        if access is Access.FREE or (access is Access.WRITE and not lease.writable):
            return Kind.RIGHTS, 0
        return None, lease.address + offset

    # ---- what tests ask --------------------------------------------------

    def holding(self, address: int) -> Allocation | None:
        """The live allocation that holds the address, one past its end included."""
        inside = (each for each in self.allocations.values() if each.base <= address <= each.end)
        return next(inside, None)

    def live_lease(self, pointer: int) -> Lease | None:
        """The live lease that the handle names, wherever it points in it or beside it."""
        if not is_handle(pointer):
            return None
        handle = Handle.decode(pointer)
        known = self._used.get(handle.index)
        is_it = known is not None and known.lease.live and known.generation == handle.generation
        return known.lease if known is not None and is_it else None

    def verify(self) -> None:
        """raises: AssertionError when an invariant of the model itself is broken."""
        held: list[Lease] = list(self._elsewhere)
        for allocation in self.allocations.values():
            held += allocation.ranges + ([allocation.stable] if allocation.stable else [])
        assert all(lease.live for lease in held), "an owner holds an ended lease"
        assert len(held) == self.live_leases, "a lease is live and nobody's"
        free = Counter(index for each in Class for index in self._free[each])
        for index, known in self._used.items():
            retired = known.generation == Class.of_index(index).last_generation
            expected = 0 if known.lease.live or retired else 1
            assert free[index] == expected, f"index {index} is on the free list wrongly"

    # ---- indices ---------------------------------------------------------

    def _begin(self, address: int, length_bytes: int, *, writable: bool) -> Lease:
        kind = Class.for_length(length_bytes)
        if kind is None:
            raise Refused(Error.FULL)
        if self._free[kind]:
            index = self._free[kind].pop()
            generation = self._used[index].generation + 1
        elif self._fresh[kind] < kind.end:
            index, generation = self._fresh[kind], 0
            self._fresh[kind] += 1
        else:
            raise Refused(Error.FULL)
        base = Handle.of_address(index, generation, address).encode()
        lease = Lease(base, address, length_bytes, writable)
        self._used[index] = _Index(generation, lease)
        self.live_leases += 1
        return lease

    def _end(self, lease: Lease) -> None:
        lease.live = False
        self.live_leases -= 1
        handle = lease.handle
        if handle.generation < handle.kind.last_generation:
            self._free[handle.kind].append(handle.index)
