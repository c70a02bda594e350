"""The numbers of the headers fit together, and cffi can read what is declared."""

from __future__ import annotations

from cffi import FFI

from pseudoptr import abi


def test_the_address_plan_has_no_overlap() -> None:
    table_end = abi.TABLE + abi.TABLE_ENTRIES * abi.ENTRY_BYTES
    assert abi.HOST_BASE + (1 << abi.HOST_SHIFT) <= abi.PUBLISHED_BASE <= abi.TABLE
    assert table_end <= abi.TEXT_BASE < abi.TEXT_BYTES < abi.PUBLISHED_BASE + abi.PUBLISHED_BYTES
    assert abi.TABLE_ENTRIES == 1 << (64 - abi.INDEX_SHIFT)
    assert abi.INDEX_SHIFT + abi.INDEX_BITS == abi.TAG_SHIFT


def test_cffi_reads_the_declarations() -> None:
    ffi = FFI()
    ffi.cdef(abi.declarations())
    assert ffi.sizeof("struct galeed_entry") == abi.ENTRY_BYTES
    fields = [name for name, _ in ffi.typeof("struct galeed_entry").fields]
    assert fields == ["base", "read_limit", "write_limit", "delta"]
    assert ffi.sizeof("struct galeed_lease") == 48


def test_kinds_and_errors_are_the_headers() -> None:
    assert [kind.value for kind in abi.Kind] == [1, 2, 3, 4, 5, 6]
    assert [error.value for error in (abi.Error.FULL, abi.Error.NOT_HEAP, abi.Error.HANDLE)] == [-32, -33, -34]
    assert abi.Error.INVALID.value < 0
