"""The C of one library as one module: what a file's function does is known where another calls it.

Invariant: no module is lost. Files that cannot be linked with the others (they define the same names, as programs
of one folder do) are read on their own, and that is said, but for main.
Why: LLVM infers attributes from bodies; of what another file defines it knows nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from audit.errors import AuditError
from audit.facts.llvm import ir
from llvm_pass.errors import UnreadableModule
from llvm_pass.ir.bitcode import is_bitcode
from llvm_pass.ir.reader import LinkBroke, Llvm, LlvmDied, LlvmRefused, read_module

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_TWICE, _OF_PROGRAMS = "both define ", "both define main"


@dataclass
class Linked:
    """modules: the one of all that could be linked, and the others. notes: what is not as it should be, a line each."""

    modules: list[ir.Module] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read(name: str, paths: Sequence[Path]) -> Linked:
    """paths: of bitcode or text that -O1 made. name: what the module of several is shown as."""
    found = Linked()
    files: list[tuple[str, bytes]] = []
    for path in paths:
        try:
            files.append((str(path), path.read_bytes()))
        except OSError as error:
            found.notes.append(f"{path}: {error.strerror}")
    alone = files
    if len(files) > 1:
        module, alone, why = _together(name, files)
        found.modules += [module] if module else []
        if why:
            found.notes.append(f"{name}: {len(alone)} of {len(files)} modules are judged on their own: {why}")
    for name, data in alone:
        try:
            found.modules.append(ir.read(name, data, is_optimised=True)[0])
        except AuditError as error:
            found.notes.append(str(error))
    return found


def _together(name: str, files: list[tuple[str, bytes]]) -> tuple[ir.Module | None, list[tuple[str, bytes]], str]:
    """One module, which files are not in it, and why, "" where that needs no word."""
    left, why, held = [], "", False
    try:
        with Llvm() as llvm:
            for path, data in files:
                try:
                    if held:
                        llvm.link(data, "bitcode" if is_bitcode(data) else "text")
                    else:
                        read_module(llvm, data)
                    held = True
                except (LlvmDied, LinkBroke):
                    raise
                except UnreadableModule:  # reading it alone says so
                    left.append((path, data))
                except LlvmRefused as error:
                    left.append((path, data))
                    if str(error).startswith(_TWICE) and str(error) != _OF_PROGRAMS:
                        why = why or str(error)
            llvm.infer()
            return (ir.Module(name, llvm.text()) if held else None), left, why
    except (UnreadableModule, LlvmRefused) as error:
        return None, files, str(error)
