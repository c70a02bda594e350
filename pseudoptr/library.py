"""libgaleed.so and the rewritten libraries that use it.

Invariant: a library is loaded for calls only if each function that it gives out lies in the
section that the pass puts gates and rewritten code into. Whatever lies elsewhere would run with
Python's rights, and nobody would notice.

Trusts the file: who can write a library can write what is in it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from cffi import FFI
from elftools.common.exceptions import ELFError
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from pseudoptr import abi
from pseudoptr.errors import AddressTaken, LibraryMissing, NotRewritten, error_of

BUILD = "cargo build --release --package galeed-host"
REWRITTEN = "galeed_text"
_ROOT = Path(__file__).resolve().parent.parent
_FUNCTIONS = ("STT_FUNC", "STT_LOOS")  # STT_GNU_IFUNC is the first of the system's own
_LINKERS_OWN = frozenset(("_init", "_fini"))
_SHOWN = 3


def library_path() -> Path:
    """Where libgaleed.so is. raises: LibraryMissing."""
    named = os.environ.get("GALEED_LIBRARY")
    if named:
        if not Path(named).is_file():
            raise LibraryMissing(f"GALEED_LIBRARY={named}: no such file")
        return Path(named)
    target = Path(os.environ.get("CARGO_TARGET_DIR") or _ROOT / "target")
    built = [path for kind in ("release", "debug") if (path := target / kind / "libgaleed.so").is_file()]
    if not built:
        raise LibraryMissing(f"no libgaleed.so in {target}: run `{BUILD}`, or set GALEED_LIBRARY")
    return max(built, key=lambda path: path.stat().st_mtime)


@cache
def _declared() -> FFI:
    ffi = FFI()
    ffi.cdef(abi.declarations())
    return ffi


class Native:
    """libgaleed.so, loaded and started: ``functions`` are those of galeed.h.

    raises: LibraryMissing; what galeed_start says (NoKeys, AddressTaken, BadEnvironment, TableError).
    """

    def __init__(self, path: Path) -> None:
        self.ffi = _declared()
        try:
            # Global: rewritten libraries find the runtime among the names of the process.
            functions: Any = self.ffi.dlopen(str(path), os.RTLD_NOW | os.RTLD_GLOBAL)
            start = functions.galeed_start_alone
            self.functions = functions
            self.attempts = {floating: self._address(floating) for floating in (False, True)}
        except (OSError, AttributeError) as error:
            raise LibraryMissing(f"cannot load {path}: {error}; run `{BUILD}`") from None
        try:
            self.check(start())
        except AddressTaken as error:
            if "mpk._native" in sys.modules:
                message = (
                    "package mpk has started a runtime of its own in this process: use mpk.Domain or Table, not both"
                )
                raise AddressTaken(error.code, message) from None
            raise

    def _address(self, floating: bool) -> int:
        name = "galeed_attempt_floating" if floating else "galeed_attempt"
        return int(self.ffi.cast("uintptr_t", getattr(self.functions, name)))

    def text(self, string: Any) -> str | None:
        """What a ``char *`` says; None for a null pointer."""
        if string == self.ffi.NULL:
            return None
        found = self.ffi.string(string)
        return found.decode(errors="replace") if isinstance(found, bytes) else str(found)

    def fail(self, code: int) -> NoReturn:
        """Raises the error with that number."""
        raise error_of(code, self.text(self.functions.galeed_strerror(code)) or "")

    def check(self, code: int) -> None:
        """The same unless it is 0."""
        if code != 0:
            self.fail(code)


def require_rewritten(path: Path, unrewritten: Collection[str] = ()) -> None:
    """raises: LibraryMissing when the file is not there, NotRewritten."""
    try:
        with path.open("rb") as file:
            strangers = _strangers(ELFFile(file), path) - set(unrewritten) - _LINKERS_OWN
    except OSError as error:
        raise LibraryMissing(f"{path}: {error.strerror}") from None
    except (ELFError, ValueError, AttributeError, LookupError, TypeError) as error:  # a file out of order
        raise NotRewritten(f"{path} is no shared library ({error})") from None
    if strangers:
        named = ", ".join(sorted(strangers)[:_SHOWN]) + (", ..." if len(strangers) > _SHOWN else "")
        raise NotRewritten(
            f"{path}: {named} would run with Python's rights: not compiled by galeed-cc "
            "(assembler, or another compiler); list what may in unrewritten="
        )


def _strangers(elf: ELFFile, path: Path) -> set[str]:
    """Functions that the library gives out and that lie outside of the rewritten section."""
    sections = list(elf.iter_sections())
    names = [section.name for section in sections]
    if REWRITTEN not in names:
        raise NotRewritten(f"{path}: not compiled by galeed-cc, so that nothing in it is checked")
    given = elf.get_section_by_name(".dynsym")
    found: set[str] = set()
    for symbol in given.iter_symbols() if isinstance(given, SymbolTableSection) else ():
        where = symbol["st_shndx"]
        if not isinstance(where, int) or names[where] == REWRITTEN:
            continue
        # An assembler need not say that something is a function.
        is_code = sections[where]["sh_flags"] & SH_FLAGS.SHF_EXECINSTR
        if is_code or symbol["st_info"]["type"] in _FUNCTIONS:
            found.add(str(symbol.name))
    return found
