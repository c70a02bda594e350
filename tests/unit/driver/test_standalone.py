"""The runtime of programs without a host: all that rewritten code may call is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from llvm_pass import abi
from llvm_pass.driver.clang import find_clang
from llvm_pass.driver.link import standalone_archive
from llvm_pass.driver.run import Runner

if TYPE_CHECKING:
    from pathlib import Path


def test_it_has_every_function_of_the_abi(tmp_path: Path) -> None:
    standalone_archive(find_clang(), tmp_path, Runner())
    with (tmp_path / "standalone.o").open("rb") as file:
        symbols = ELFFile(file).get_section_by_name(".symtab")
        assert isinstance(symbols, SymbolTableSection)
        defined = {symbol.name for symbol in symbols.iter_symbols() if symbol["st_shndx"] != "SHN_UNDEF"}
    # What a host calls: a program with such calls and no host must not link.
    assert set(abi.FUNCTIONS) - defined == {"galeed_start"}
