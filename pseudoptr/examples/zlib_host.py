"""Python calls a zlib that galeed-cc compiled: round trips, then an overflow that is stopped.

    cargo build --release --package galeed-host
    galeed-cc -shared -fPIC -O2 -DHAVE_UNISTD_H -o build/libz.so ZLIB/*.c
    python pseudoptr/examples/zlib_host.py build/libz.so [UNDEFENDED]

ZLIB: the folder of zlib's sources (pseudoptr/docs/python.md says where one is). UNDEFENDED: zlib as
another compiler made it, for the same overflow; without it that is left out.

Exit code: 0 when all came out as it should, 1 when not, 2 when something is missing (one line).
"""

from __future__ import annotations

import ctypes
import os
import sys
import zlib
from typing import Any

from pseudoptr import Table
from pseudoptr.table import TableError, Violation

LENT_BYTES = 64
CLAIMED_BYTES = 4096
POINTER, LENGTH = ctypes.c_void_p, ctypes.c_ulong
Z_OK, Z_STREAM_END, Z_FINISH, LEVEL = 0, 1, 4, 6


class Stream(ctypes.Structure):
    """zlib.h's z_stream; its pointers may be pseudo-pointers."""

    _fields_ = (
        ("next_in", POINTER),
        ("avail_in", ctypes.c_uint),
        ("total_in", LENGTH),
        ("next_out", POINTER),
        ("avail_out", ctypes.c_uint),
        ("total_out", LENGTH),
        ("msg", ctypes.c_char_p),
        ("state", POINTER),
        ("zalloc", POINTER),
        ("zfree", POINTER),
        ("opaque", POINTER),
        ("data_type", ctypes.c_int),
        ("adler", LENGTH),
        ("reserved", LENGTH),
    )


def declared(library: Any) -> Any:
    """The functions with their types: without them ctypes would cut pseudo-pointers to 32 bits."""
    library.compress2.argtypes = [POINTER, POINTER, POINTER, LENGTH, ctypes.c_int]
    library.uncompress.argtypes = [POINTER, POINTER, POINTER, LENGTH]
    library.zlibVersion.restype = ctypes.c_char_p
    library.deflateInit_.argtypes = [POINTER, ctypes.c_int, ctypes.c_char_p, ctypes.c_int]
    library.deflate.argtypes = [POINTER, ctypes.c_int]
    library.deflateEnd.argtypes = [POINTER]
    return library


def compressed(table: Table, library: Any, data: bytes) -> bytes:
    """By one call, where Python has its buffers."""
    out = bytearray(len(data) + len(data) // 100 + 64)
    length = LENGTH(len(out))
    with table.lend_buffer(data) as source, table.lend_buffer(out, writable=True) as target:
        status = library.compress2(target, ctypes.byref(length), source, len(data), LEVEL)
    return bytes(out[: length.value]) if status == Z_OK else b""


def uncompressed(table: Table, library: Any, data: bytes, length_bytes: int) -> bytes:
    """The same back, into memory that is closed to C but for the lease."""
    out = table.buffer(length_bytes + 1)
    length = LENGTH(len(out))
    with table.lend_buffer(data) as source, table.lend_buffer(out, writable=True) as target:
        status = library.uncompress(target, ctypes.byref(length), source, len(data))
    return bytes(out[: length.value]) if status == Z_OK else b""


def streamed(table: Table, library: Any, data: bytes) -> bytes:
    """Piece by piece, by a structure that holds the pseudo-pointers."""
    stream, piece, found = Stream(), bytearray(1000), bytearray()
    place = ctypes.byref(stream)
    library.deflateInit_(place, LEVEL, library.zlibVersion(), ctypes.sizeof(stream))
    with table.lend_buffer(data) as source, table.lend_buffer(piece, writable=True) as target:
        stream.next_in, stream.avail_in = int(source), len(data)
        status = Z_OK
        while status == Z_OK:
            stream.next_out, stream.avail_out = int(target), len(piece)
            status = library.deflate(place, Z_FINISH)
            found += piece[: len(piece) - stream.avail_out]
    library.deflateEnd(place)
    return bytes(found) if status == Z_STREAM_END else b""


def round_trips(table: Table, library: Any) -> bool:
    """Compares with Python's own zlib, both ways."""
    good = True
    for data in (b"", b"x", b"hello, hello, hello! " * 5000, bytes(range(256)) * 40, os.urandom(10_000)):
        ours, theirs = compressed(table, library, data), zlib.compress(data, LEVEL)
        good = good and zlib.decompress(ours) == data
        good = good and zlib.decompress(streamed(table, library, data)) == data
        good = good and uncompressed(table, library, theirs, len(data)) == data
    return good


def overflow(table: Table, library: Any) -> tuple[str, int]:
    """The caller says that there is more room than there is. Returns what stopped it, and how many neighbours changed."""
    data = os.urandom(CLAIMED_BYTES // 2)
    memory = bytearray(b"N" * CLAIMED_BYTES)
    length, stopped = LENGTH(CLAIMED_BYTES), ""
    room = memoryview(memory)[:LENT_BYTES]
    with table.lend_buffer(data) as source, table.lend_buffer(room, writable=True) as target:
        try:
            table.attempt(library.compress2, target, ctypes.byref(length), source, len(data), LEVEL)
        except Violation as violation:
            stopped = str(violation)
    return stopped, sum(byte != ord("N") for byte in memory[LENT_BYTES:])


def overflow_undefended(library: Any) -> int:
    """The same, with nothing between."""
    data = os.urandom(CLAIMED_BYTES // 2)
    memory = bytearray(b"N" * CLAIMED_BYTES)
    length = LENGTH(CLAIMED_BYTES)
    library.compress2((ctypes.c_char * LENT_BYTES).from_buffer(memory), ctypes.byref(length), data, len(data), LEVEL)
    return sum(byte != ord("N") for byte in memory[LENT_BYTES:])


def main(words: list[str]) -> int:
    """words: the rewritten library, and the undefended one."""
    if len(words) not in (1, 2):
        print("usage: zlib_host.py DEFENDED [UNDEFENDED]", file=sys.stderr)
        return 2
    os.environ.setdefault("GALEED_ON_VIOLATION", "unwind")  # read by Table()
    try:
        table = Table()
        library = declared(table.load(words[0]))
        plain = declared(ctypes.CDLL(words[1])) if len(words) == 2 else None
    except (TableError, OSError) as error:
        print(f"zlib_host.py: {error}", file=sys.stderr)
        return 2
    good = round_trips(table, library)
    print(f"round trips with zlib {library.zlibVersion().decode()}: {'equal' if good else 'DIFFERENT'}")
    if plain is not None:
        print(f"overflow, undefended: {overflow_undefended(plain)} bytes of the neighbour changed")
    stopped, changed = overflow(table, library)
    print(f"overflow, defended:   {changed} bytes of the neighbour changed; {stopped or 'NOT STOPPED'}")
    return 0 if good and stopped and changed == 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
