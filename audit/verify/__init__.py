"""galeed-audit verify: is what the policy promised in a built program?

Invariant: everything is read from the file itself. What cannot be seen in it is said to be not
proven, and counts as missing: a stripped program proves nothing.

Assumes an honest build: names and DWARF are what the toolchain wrote. It finds mistakes of a
build, no forgery.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit.errors import AuditError
from audit.facts.binary import elf, references, units
from audit.verify.gates import callbacks, gates
from audit.verify.host_calls import host_calls
from audit.verify.layout import allocator, gadgets, layout
from audit.verify.objects import libraries, objects
from audit.verify.proof import Built, Proof
from llvm_pass.policy import PolicyError, find

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["Proof", "verify"]


def verify(path: Path, policy_file: str | None, unrewritten: Iterable[str] = (), ungated: Iterable[str] = ()) -> Proof:
    """policy_file: None for the nearest galeed.toml of the working directory. unrewritten: patterns of sources and
    libraries that are meant not to be rewritten; ungated: of functions that are meant to be called without a gate.
    Raises AuditError where the program or the policy cannot be read."""
    built = _read(path, policy_file)
    built.meant, built.ungated = tuple(unrewritten), tuple(ungated)
    proof = Proof(str(path))
    proof.missing += built.elf.notes
    allocator(built.elf, proof)
    gadgets(built.elf.path, proof)
    gated = False
    if built.elf.symbols:
        gates(built, proof)
        gated = host_calls(built, proof)
        callbacks(built, proof)
    else:
        proof.missing.append("gates: not proven, the program is stripped")
    objects(built, proof)
    libraries(built, gated, proof)
    layout(built, proof)
    return proof


def _read(path: Path, policy_file: str | None) -> Built:
    try:
        policy, data = find(policy_file), path.read_bytes()
    except PolicyError as error:
        raise AuditError(str(error)) from error
    except OSError as error:
        raise AuditError(f"{path}: {error.strerror}") from error
    program = elf.read(str(path), data)
    if program.machine != elf.X86_64 or not program.is_linked:
        raise AuditError(f"{path}: is no linked x86-64 program; give what the build links, not its parts")
    built = Built(program, data, policy, references.code(str(path), data))
    code = [
        (each.address, each.address + each.bytes)
        for each in program.segments
        if each.kind == "PT_LOAD" and "x" in each.flags
    ]
    if not program.has_dwarf:
        built.why_no_units = ", no DWARF says where the code comes from (build with debug = 1)"
        return built
    try:
        built.units = units.read(program.path, data, code)
    except AuditError as error:
        built.why_no_units = f": {error}"
    return built
