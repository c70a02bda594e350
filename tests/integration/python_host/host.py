"""A host in Python: `host.py SCENARIO` runs one function of memory.py or calls.py.

FOREIGN names the rewritten library, PLAIN the same compiled as it is; THROWER one in C++.
"""

from __future__ import annotations

import sys

from tests.integration.python_host import calls, memory

if __name__ == "__main__":
    scenario = getattr(memory, sys.argv[1], None) or getattr(calls, sys.argv[1])
    scenario()
