"""Builds ``mpk._native``: the C runtime and its Python view as one extension module (cffi, API mode).

The declarations are taken from ``mpk.h`` itself, so that every constant and
prototype is written once: what cffi cannot parse (includes, include guards,
``extern "C"``) is taken out, nothing is added but the probe's own header.

Run by setuptools (``cffi_modules`` in setup.py); nothing imports it at run time.
"""

import re
from pathlib import Path

from cffi import FFI

_MPK = Path("mpk")  # setuptools wants paths relative to setup.py
_HEADERS = (
    "csrc/mpk.h",
    "csrc/mpk_harden.h",
    "csrc/mpk_heap.h",
    "csrc/mpk_keys.h",
    "csrc/mpk_scan.h",
    "csrc/probe/probe.h",
)

# A define that cffi may see: a name and one integer literal.
_INTEGER_DEFINE = re.compile(r"#define\s+\w+\s+(0[xX][0-9a-fA-F]+|\d+)\s*$")


def declarations(header: str) -> str:
    """Turns a C header's text into cffi's dialect.

    Keeps declarations and integer ``#define`` lines; drops comments, every other
    preprocessor line, and the ``extern "C"`` bracket with all that the
    preprocessor keeps from C (``#ifdef __cplusplus`` ... ``#endif``).
    """
    text = re.sub(r"/\*.*?\*/", " ", header, flags=re.DOTALL)
    text = re.sub(r"#ifdef\s+__cplusplus\b.*?#endif", "", text, flags=re.DOTALL)
    kept = [line for line in text.splitlines() if not line.startswith("#") or _INTEGER_DEFINE.match(line)]
    return "\n".join(line for line in kept if line.strip()) + "\n"


def make_ffi() -> FFI:
    """The builder that setuptools asks for. Raises OSError when a header is missing."""
    builder = FFI()
    for name in _HEADERS:
        builder.cdef(declarations((_MPK / name).read_text()))
    sources = sorted(str(path) for folder in ("csrc", "csrc/probe") for path in (_MPK / folder).glob("*.[cS]"))
    builder.set_source(
        "mpk._native",
        "\n".join(f'#include "{name.removeprefix("csrc/")}"' for name in _HEADERS),
        sources=sources,
        depends=sorted(str(path) for path in (_MPK / "csrc").glob("**/*.h")),
        # Ours come before the interpreter's own Python.h, which many machines lack.
        include_dirs=[str(_MPK / "csrc"), str(_MPK / "csrc" / "stable_abi")],
        # -fvisibility: two copies of the runtime in one process (this one and
        # libgaleed.so's) must not answer each other's calls by accident.
        extra_compile_args=["-std=gnu11", "-O2", "-g", "-Wall", "-fvisibility=hidden"],
        libraries=["pthread"],
    )
    return builder
