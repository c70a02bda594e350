"""What the passes know of the runtime: the numbers and functions of galeed.h.

Numbers are read from the headers, never repeated here. Invariant: a name that
the header does not have stops the import; nothing is guessed.
"""

from __future__ import annotations

import re
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
_DEFINE = re.compile(r"^#define (\w+) (0x[0-9a-fA-F]+|\d+)\b", re.MULTILINE)


def _numbers() -> dict[str, int]:
    found: dict[str, int] = {}
    for header in ("mpk/csrc/mpk.h", "pseudoptr/include/galeed.h"):
        text = (_ROOT / header).read_text(encoding="utf-8")
        found.update((name, int(value, 0)) for name, value in _DEFINE.findall(text))
    return found


def _rmw_operations() -> dict[str, int]:
    text = (_ROOT / "pseudoptr/include/galeed.h").read_text(encoding="utf-8")
    match = re.search(r"enum galeed_rmw \{([^}]*)\}", text)
    if match is None:
        raise ImportError("galeed.h has no enum galeed_rmw")
    names = re.findall(r"GALEED_(\w+)", match.group(1))
    return {name.lower(): value for value, name in enumerate(names)}


_N = _numbers()
TABLE = _N["GALEED_TABLE"]
INDEX_SHIFT = _N["GALEED_INDEX_SHIFT"]
ENTRY_BYTES = _N["GALEED_ENTRY_BYTES"]
TAG = _N["GALEED_TAG"]
TAG_SHIFT = _N["GALEED_TAG_SHIFT"]
HOST_BASE = _N["MPK_HOST_BASE"]
HOST_SHIFT = _N["MPK_HOST_SHIFT"]
TEXT_BASE = _N["GALEED_TEXT_BASE"]
TEXT_BYTES = _N["GALEED_TEXT_BYTES"]
# Order of struct galeed_entry's fields.
READ_LIMIT_OFFSET, WRITE_LIMIT_OFFSET, DELTA_OFFSET = 8, 16, 24
RMW = _rmw_operations()

# Reads memory and the runtime's own; changes nothing that foreign code could see.
_QUIET = "nounwind cold memory(read, inaccessiblemem: readwrite)"
_LOUD = "nounwind cold"
_M = "preserve_mostcc "

# name -> (calling convention and return type, parameters, attributes)
FUNCTIONS: dict[str, tuple[str, str, str]] = {
    **{f"galeed_load{n}": (f"{_M}i64", "i64", _QUIET) for n in (1, 2, 4, 8)},
    **{f"galeed_store{n}": (f"{_M}void", "i64, i64", _LOUD) for n in (1, 2, 4, 8)},
    "galeed_load_bytes": ("void", "ptr, i64, i64", _LOUD),
    "galeed_store_bytes": ("void", "i64, ptr, i64", _LOUD),
    "galeed_lend_loaded": (f"{_M}i64", "i64, i64", _QUIET),
    "galeed_unlend_stored": (f"{_M}i64", "i64, i64", _QUIET),
    "galeed_memmove": ("void", "i64, i64, i64", _LOUD),
    "galeed_memset": ("void", "i64, i32, i64", _LOUD),
    "galeed_atomic_load": ("i64", "i64, i32", _LOUD),
    "galeed_atomic_store": ("void", "i64, i32, i64", _LOUD),
    "galeed_atomic_rmw": ("i64", "i64, i32, i32, i64", _LOUD),
    "galeed_atomic_cmpxchg": ("i64", "i64, i32, i64, i64", _LOUD),
    "galeed_gate_argument": ("i64", "i64", "nounwind"),
    "galeed_gate_result": ("i64", "i64", "nounwind"),
    "galeed_gate_enter": ("void", "ptr, ptr", "nounwind"),
    "galeed_gate_exit": ("void", "ptr", "nounwind"),
    "galeed_callback_enter": ("ptr", "i64, ptr", "nounwind"),
    "galeed_callback_argument": ("i64", "i64", "nounwind"),
    "galeed_callback_result": ("i64", "i64", "nounwind"),
    "galeed_callback_exit": ("void", "ptr", "nounwind"),
    "galeed_unsupported": ("void", "ptr", "nounwind cold noreturn"),
    "mpk_gate_is_foreign": ("i32", "", "nounwind"),
}


def declaration(name: str) -> str:
    """The IR line that declares a runtime function."""
    returns, parameters, attributes = FUNCTIONS[name]
    return f"declare {returns} @{name}({parameters}) {attributes}"


def callee(name: str) -> str:
    """What follows "call " up to the arguments: calling convention, type, name."""
    return f"{FUNCTIONS[name][0]} @{name}"
