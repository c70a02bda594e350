"""The model by itself: what it says in cases that a reader can check by hand."""

from __future__ import annotations

import pytest

from pseudoptr import abi
from pseudoptr.abi import Access, Error, Kind
from pseudoptr.handle import Class, Handle
from pseudoptr.model import Refused, Table

BASE = abi.HOST_BASE + 0x1230


def test_one_stable_handle_that_dies_with_its_allocation() -> None:
    table = Table()
    table.allocate(BASE, 10)
    handle = table.lend(BASE)
    assert table.lend(BASE + 10) == handle + 10
    assert table.check(handle + 9, 1, Access.WRITE) == (None, BASE + 9)
    assert table.check(handle + 10, 0, Access.READ) == (None, BASE + 10)
    assert table.check(handle + 10, 1, Access.READ) == (Kind.SPATIAL, 0)
    assert table.check(handle, 1, Access.FREE) == (Kind.RIGHTS, 0)
    assert table.check(handle, 1, Access.EXECUTE) == (Kind.TYPE, 0)
    table.free(BASE)
    assert table.check(handle, 1, Access.READ) == (Kind.TEMPORAL, 0)
    table.allocate(BASE, 10)
    again = Handle.decode(table.lend(BASE))
    assert (again.index, again.generation) == (0, 1)
    table.verify()


def test_ranges_end_with_the_allocation_or_when_they_no_longer_fit() -> None:
    table = Table()
    table.allocate(BASE, 100)
    low = table.lend_range(BASE, 10, writable=False)
    high = table.lend_range(BASE + 90, 10, writable=True)
    assert table.check(low, 1, Access.WRITE) == (Kind.RIGHTS, 0)
    table.resize(BASE, 50)
    assert table.check(high, 1, Access.READ) == (Kind.TEMPORAL, 0)
    assert table.check(low, 10, Access.READ) == (None, BASE)
    table.free(BASE)
    assert table.check(low, 1, Access.READ) == (Kind.TEMPORAL, 0)
    table.verify()


def test_forged_is_what_was_never_given_out() -> None:
    table = Table()
    assert table.check(Handle(0, 0, 0).encode(), 1, Access.READ) == (Kind.FORGED, 0)
    assert table.check(BASE, 1, Access.READ) == (Kind.FORGED, 0)


def test_a_large_index_is_retired_after_its_last_generation() -> None:
    table = Table()
    indices = []
    for _ in range(Class.LARGE.last_generation + 2):
        handle = table.lend_range(1 << 40, Class.LARGE.longest_bytes, writable=False)
        indices.append(Handle.decode(handle).index)
        table.revoke(handle)
    assert indices == [Class.LARGE.first] * (Class.LARGE.last_generation + 1) + [Class.LARGE.first + 1]
    table.verify()


@pytest.mark.parametrize("address", [0, (1 << 47) - 5, abi.HOST_BASE - 5, abi.TABLE])
def test_ranges_that_cannot_be_lent(address: int) -> None:
    with pytest.raises(Refused) as caught:
        Table().lend_range(address, 10, writable=True)
    assert caught.value.error is Error.INVALID
