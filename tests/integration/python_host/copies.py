"""Two copies of libgaleed.so in one process: what one lends, both know, here and in the child of a fork.

Run by test_python_host.py with the two files. A fork that waits for a lock for ever is ended by the alarm.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

READ = 1
PATIENCE_SECONDS = 60

signal.alarm(PATIENCE_SECONDS)
buffer = ctypes.create_string_buffer(64)
handle = ctypes.c_uint64()
one, other = (ctypes.CDLL(path) for path in sys.argv[1:])


def seen() -> bool:
    """Whether both copies find the lease, and its end."""
    return all(
        [copy.galeed_check(handle, ctypes.c_size_t(bytes_), READ, None) == 0 for bytes_ in (64, 65)] == [True, False]
        for copy in (one, other)
    )


assert one.galeed_lend_range(buffer, ctypes.c_size_t(64), 0, ctypes.byref(handle)) == 0
assert seen(), "parent"
child = os.fork()
if child == 0:
    signal.alarm(PATIENCE_SECONDS)  # alarms are not inherited
    fresh = other.galeed_lend_range(buffer, ctypes.c_size_t(64), 0, ctypes.byref(ctypes.c_uint64()))
    os._exit(0 if seen() and fresh == 0 else 1)
_, status = os.waitpid(child, 0)
assert seen(), "parent, afterwards"
print(f"parent sees it, child sees it: {status}")
