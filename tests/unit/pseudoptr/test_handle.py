"""The handle codec: fields come back, edges keep their generation, nonsense is refused."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pseudoptr import abi
from pseudoptr.handle import INDICES, PAGE_MASK, Class, Handle, is_handle


@pytest.mark.parametrize("kind", list(Class))
@pytest.mark.parametrize("address", [0x200000000000, 0x200000000FFF, 0x7FFFFFFFF123])
def test_the_edges_of_the_longest_object_keep_index_and_generation(kind: Class, address: int) -> None:
    for index in (kind.first, kind.end - 1):
        for generation in (0, kind.last_generation):
            base = Handle.of_address(index, generation, address).encode()
            assert base & PAGE_MASK == address & PAGE_MASK
            for pointer in (base - kind.bias, base, base + kind.longest_bytes):
                handle = Handle.decode(pointer)
                assert (handle.index, handle.generation) == (index, generation)


@given(st.integers(abi.TAG << abi.TAG_SHIFT, ((abi.TAG + 1) << abi.TAG_SHIFT) - 1))
def test_every_pointer_with_the_tag_decodes_and_encodes_to_itself(pointer: int) -> None:
    assert is_handle(pointer)
    handle = Handle.decode(pointer)
    assert handle.encode() == pointer
    assert str(handle).startswith(handle.kind.name.lower())


@pytest.mark.parametrize("pointer", [0, 1, -1, 1 << 62, 3 << 62, 1 << 64, (1 << 64) + (1 << 63), 0x7FFF00000000])
def test_what_lacks_the_tag_is_no_handle(pointer: int) -> None:
    assert not is_handle(pointer)
    with pytest.raises(ValueError, match="not a pseudo-pointer"):
        Handle.decode(pointer)


@pytest.mark.parametrize(
    "fields", [(-1, 0, 0), (INDICES, 0, 0), (0, 1 << 22, 0), (INDICES - 1, 16, 0), (0, 0, 1 << 20), (0, -1, 0)]
)
def test_fields_that_do_not_fit_are_refused(fields: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match=r"index|generation|offset"):
        Handle(*fields)


def test_the_classes_cover_every_index_and_length_once() -> None:
    kinds = list(Class)
    assert kinds[0].first == 0
    assert kinds[-1].end == INDICES
    for one, following in pairwise(kinds):
        assert one.end == following.first
        assert Class.for_length(one.longest_bytes) is one
        assert Class.for_length(one.longest_bytes + 1) is following
    assert Class.for_length(kinds[-1].longest_bytes + 1) is None
    with pytest.raises(ValueError, match="length"):
        Class.for_length(-1)
