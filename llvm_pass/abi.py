"""What the passes know of the runtime: the numbers and functions of galeed.h.

Numbers come from pseudoptr.abi, which reads the header; they are never repeated
here. Invariant: a name that the header does not have stops the import.
"""

from __future__ import annotations

import re

from pseudoptr.abi import (
    ENTRY_BYTES,
    GALEED_HEADER,
    HOST_BASE,
    HOST_SHIFT,
    INDEX_SHIFT,
    TABLE,
    TAG,
    TAG_SHIFT,
    TEXT_BASE,
    TEXT_BYTES,
)

__all__ = [
    "ANY_ARGUMENT",
    "DELTA_OFFSET",
    "ENTRY_BYTES",
    "EXTENT",
    "FUNCTIONS",
    "HOST_BASE",
    "HOST_SHIFT",
    "INDEX_SHIFT",
    "NO_ARGUMENT",
    "READ_LIMIT_OFFSET",
    "RMW",
    "TABLE",
    "TAG",
    "TAG_SHIFT",
    "TEXT_BASE",
    "TEXT_BYTES",
    "WRITE_LIMIT_OFFSET",
    "callee",
    "declaration",
]


def _enumerators(enum: str) -> dict[str, int]:
    """{"xchg": 0, ...}: the enumerators of an enum that gives them no values."""
    text = re.sub(r"/\*.*?\*/", "", GALEED_HEADER.read_text(encoding="utf-8"), flags=re.DOTALL)
    match = re.search(rf"enum {enum} \{{([^}}=]*)\}}", text)
    if match is None:
        raise ImportError(f"{GALEED_HEADER} lacks enum {enum}; reinstall galeed")
    names = re.findall(r"GALEED_(\w+)", match.group(1))
    return {name.lower(): value for value, name in enumerate(names)}


# Order of struct galeed_entry's fields.
READ_LIMIT_OFFSET, WRITE_LIMIT_OFFSET, DELTA_OFFSET = 8, 16, 24
RMW = _enumerators("galeed_rmw")
EXTENT = _enumerators("galeed_extent")
NO_ARGUMENT = 255  # GALEED_NO_ARGUMENT
ANY_ARGUMENT = 254  # ANY_ARGUMENT of pseudoptr/rust/src/calls/shape.rs: of the result only

# Reads memory and the runtime's own; changes nothing that foreign code could see.
_QUIET = "nounwind cold memory(read, inaccessiblemem: readwrite)"
_LOUD = "nounwind cold"
_M = "preserve_mostcc "

# name -> (calling convention and return type, parameters, attributes)
FUNCTIONS: dict[str, tuple[str, str, str]] = {
    **{f"galeed_load{n}": (f"{_M}i64", "i64", _QUIET) for n in (1, 2, 4, 8)},
    **{f"galeed_store{n}": (f"{_M}void", "i64, i64", _LOUD) for n in (1, 2, 4, 8)},
    "galeed_load_pointer": (f"{_M}i64", "i64", _QUIET),
    "galeed_store_pointer": (f"{_M}void", "i64, i64", _LOUD),
    "galeed_profile_unit": ("void", "ptr, ptr, i64", "nounwind cold"),
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
    "galeed_gate_exclusive": ("void", "ptr", "nounwind"),
    "galeed_gate_result": ("i64", "i64", "nounwind"),
    "galeed_gate_enter": ("void", "ptr, ptr", "nounwind"),
    "galeed_gate_exit": ("void", "ptr", "nounwind"),
    "galeed_gate_thrown": ("void", "ptr, ptr", "cold"),
    "galeed_callback_enter": ("ptr", "i64, ptr", "nounwind"),
    "galeed_callback_argument": ("i64", "i64", "nounwind"),
    "galeed_callback_result": ("i64", "i64", "nounwind"),
    "galeed_callback_exit": ("void", "ptr", "nounwind"),
    "galeed_callback_thrown": ("void", "ptr, ptr", "cold"),
    "galeed_call_begin": ("i32", "ptr, ptr, ptr, i64", "nounwind cold"),
    "galeed_call_end": ("i64", "ptr, ptr, ptr, i64, i64", "nounwind cold"),
    "galeed_strtok": ("ptr", "ptr, ptr", "nounwind"),
    "galeed_dynamic_cast": ("ptr", "ptr, ptr, ptr, i64", "nounwind"),
    "galeed_cxx_thread": ("void", "ptr, ptr, ptr", ""),
    "galeed_thrd_create": ("i32", "ptr, ptr, ptr", "nounwind"),
    "galeed_exit": ("void", "i32", "noreturn nounwind"),
    "galeed_quick_exit": ("void", "i32", "noreturn nounwind"),
    "galeed_unsupported": ("void", "ptr", "nounwind cold noreturn"),
    "galeed_gate_side": ("preserve_allcc i32", "", "nounwind nonlazybind"),  # a lazy binding would change registers
    "mpk_gate_is_foreign": ("i32", "", "nounwind"),
    "galeed_start": ("i32", "", "nounwind"),
}


def declaration(name: str) -> str:
    """The IR line that declares a runtime function."""
    returns, parameters, attributes = FUNCTIONS[name]
    return f"declare {returns} @{name}({parameters}) {attributes}".rstrip()


def callee(name: str) -> str:
    """What follows "call " up to the arguments: calling convention, type, name."""
    return f"{FUNCTIONS[name][0]} @{name}"
