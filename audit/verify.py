"""galeed-audit verify: is what the policy promised in a built program?

Invariant: everything is read from the file itself. What cannot be seen in it is said to be not
proven, and counts as missing: a stripped program proves nothing.

Assumes an honest build: names and DWARF are what the toolchain wrote. It finds mistakes of a
build, no forgery.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import mpk
from audit.errors import AuditError
from audit.facts import elf, units
from llvm_pass.driver.cargo_build import ALLOCATOR
from llvm_pass.driver.cargo_entries import BODY
from llvm_pass.driver.inspect_objects import REWRITTEN_SECTION
from llvm_pass.policy.find import find
from llvm_pass.policy.read import PolicyError
from mpk.scanner.code import ScanError
from mpk.scanner.command import scan_target
from mpk.scanner.place import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from audit.facts.elf import Elf
    from audit.facts.units import Unit
    from llvm_pass.policy.read import Policy

# What a Rust program is always linked to: glibc and the compilers' own.
_PLATFORM = (
    "libc.so", "libm.so", "libgcc_s.so", "libpthread.so", "libdl.so", "librt.so", "libutil.so", "ld-linux", "ld-musl",
    "libstdc++.so", "libc++.so", "libc++abi.so", "libunwind.so",
)  # fmt: skip
_SHOWN = 8
# Of what C++ units share: bodies and the gates that are called through vtables.
_INNER = (BODY, ".gate")
_SOURCES = (".c", ".cc", ".cpp", ".cxx", ".C", ".S", ".s", ".asm")
_LINKERS = frozenset({"crtstuff.c"})  # what every program is linked to


@dataclass
class Proof:
    """seen: what holds, a line each. missing: what does not, or could not be seen."""

    program: str
    seen: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def render(self) -> str:
        lines = [f"ok       {each}" for each in self.seen] + [f"missing  {each}" for each in self.missing]
        end = f"{len(self.missing)} missing" if self.missing else "all that was promised is there"
        return "\n".join([*lines, f"{self.program}: {end}"])

    def as_json(self) -> str:
        """Shape: {"program", "seen": [line], "missing": [line]}."""
        return json.dumps(asdict(self), indent=2)


def verify(path: Path, policy_file: str | None, unrewritten: Iterable[str]) -> Proof:
    """policy_file: None for the nearest galeed.toml of the working directory. unrewritten: patterns of sources and
    libraries that are meant not to be rewritten. Raises AuditError where the program or the policy cannot be read."""
    try:
        policy = find(policy_file)
    except PolicyError as error:
        raise AuditError(str(error)) from error
    try:
        data = path.read_bytes()
    except OSError as error:
        raise AuditError(f"{path}: {error.strerror}") from error
    program = elf.read(str(path), data)
    if program.machine != elf.X86_64 or not program.is_linked:
        raise AuditError(f"{path}: is no linked x86-64 program; give what the build links, not its parts")
    proof, meant = Proof(str(path)), tuple(unrewritten)
    proof.missing += program.notes
    _allocator(program, proof)
    _gadgets(path, proof)
    _gates(program, policy, proof)
    _objects(program, data, meant, proof)
    _libraries(program, meant, proof)
    _layout(program, proof)
    return proof


def _allocator(program: Elf, proof: Proof) -> None:
    if program.defines([ALLOCATOR]):
        proof.seen.append("galeed's allocator is the global allocator")
    elif not program.symbols:
        proof.missing.append("allocator: not proven, the program is stripped")
    else:
        proof.missing.append(f"allocator: the global allocator is not galeed's ({ALLOCATOR} is not in it)")


def _gadgets(path: Path, proof: Proof) -> None:
    try:
        scan = scan_target(str(path))
    except (ScanError, OSError) as error:
        proof.missing.append(f"gadgets: not proven, it cannot be scanned: {error}")
        return
    bad = [each for each in scan.found if each.verdict is Verdict.OPEN]
    for each in bad:
        where = f"{each.function.name}: " if each.function and each.function.name else ""
        proof.missing.append(f"gadgets: {where}{each.hit.gadget.name} at {each.hit.offset:#x} is guarded by nothing")
    if not bad:
        guarded = sum(each.verdict is Verdict.GUARDED for each in scan.found)
        proof.seen.append(f"no WRPKRU or XRSTOR that is open; {guarded} of the runtime, each with its comparison")


def _rewritten(program: Elf) -> tuple[int, int]:
    """Begin and end of the rewritten code; both 0 where there is none."""
    found = [each for each in program.sections if each.name == REWRITTEN_SECTION]
    return (found[0].address, found[0].address + found[0].bytes) if found else (0, 0)


def _gates(program: Elf, policy: Policy, proof: Proof) -> None:
    low, high = _rewritten(program)
    if not program.symbols:
        proof.missing.append("gates: not proven, the program is stripped")
        return
    code = {each.name: each for each in program.symbols if each.is_defined and each.kind == "func"}
    gates = []
    for name, symbol in code.items():
        if symbol.binding == "local" or not low <= symbol.address < high or name.endswith(_INNER):
            continue
        body = code.get(name + BODY)
        if body is None or body.address == symbol.address:
            proof.missing.append(f"gates: {name} is rewritten code that others can call without a gate")
            continue
        gates.append(name)
        if not policy.is_entry(name, taken=False):
            proof.missing.append(f"gates: {name} has a gate, and is no entry by {policy.where('entries')}")
    for name in code:
        gate = code.get(name.removesuffix(BODY)) if name.endswith(BODY) else None
        if gate and not low <= gate.address < high:
            proof.missing.append(f"gates: {gate.name} is another function than the gate of its rewritten body")
    if gates:
        proof.seen.append(f"{len(gates)} foreign entries, each behind a gate: {_some(sorted(gates))}")
    elif not proof.missing:
        proof.seen.append("no foreign entry")


def _objects(program: Elf, data: bytes, meant: tuple[str, ...], proof: Proof) -> None:
    if not program.has_dwarf:
        proof.missing.append("objects: not proven, no DWARF says where the code comes from (build with debug = 1)")
        return
    low, high = _rewritten(program)
    code = [(s.address, s.address + s.bytes) for s in program.segments if s.kind == "PT_LOAD" and "x" in s.flags]
    try:
        found = units.read(program.path, data, code)
    except AuditError as error:
        proof.missing.append(f"objects: not proven: {error}")
        return
    _undescribed(program, found, meant, proof)
    done = 0
    for unit in found:
        if unit.is_rust or _is_runtime(unit):
            continue
        if all(low <= begin and end <= high for begin, end in unit.ranges):
            done += 1
        elif any(fnmatchcase(unit.name, each) for each in meant):
            proof.seen.append(f"{unit.name} is not rewritten, as expected")
        else:
            why = " (assembler)" if unit.is_assembler else ""
            proof.missing.append(f"objects: {unit.name}{why} is not rewritten; compiled in {unit.folder}")
    if not any(unit.is_rust for unit in found):
        proof.missing.append("objects: not proven, no DWARF of its Rust code: C may lack it too")
    if done:
        proof.seen.append(f"{done} C and C++ sources with debug information, all of their code rewritten")


def _undescribed(program: Elf, found: list[Unit], meant: tuple[str, ...], proof: Proof) -> None:
    """Sources that the symbol table names and DWARF does not: compiled without debug information."""
    low, high = _rewritten(program)
    known = {PurePosixPath(each.name).name for each in found} | _LINKERS | _own()
    files: dict[str, list[bool]] = {}  # of each its functions: are they rewritten?
    name = ""
    for symbol in program.symbols:
        if symbol.kind == "file":
            name = PurePosixPath(symbol.name).name
            if name.endswith(_SOURCES) and name not in known:
                files.setdefault(symbol.name, [])
        elif symbol.kind == "func" and symbol.binding == "local" and name:
            for file, functions in files.items():
                if PurePosixPath(file).name == name:
                    functions.append(low <= symbol.address < high)
    for file, functions in files.items():
        if any(fnmatchcase(file, each) for each in meant):
            proof.seen.append(f"{file} is not rewritten, as expected")
        elif not functions or not all(functions):
            proof.missing.append(f"objects: {file}: not proven, it was compiled without debug information")


def _own() -> set[str]:
    return {each.name for each in (Path(mpk.__file__).parent / "csrc").iterdir()}


def _is_runtime(unit: Unit) -> bool:
    """galeed's own C, and what comes with Rust."""
    place = PurePosixPath(unit.folder) / unit.name
    return ("csrc" in place.parts and place.name in _own()) or str(place).startswith("/rustc/")


def _libraries(program: Elf, meant: tuple[str, ...], proof: Proof) -> None:
    for name in program.needed:
        if name.startswith(_PLATFORM):
            continue
        if any(fnmatchcase(name, each) for each in meant):
            proof.seen.append(f"{name} is not rewritten, as expected")
        else:
            proof.missing.append(f"libraries: {name} is loaded, and is none that was rewritten here")


def _layout(program: Elf, proof: Proof) -> None:
    wrong = []
    if not program.has_relro:
        wrong.append("no RELRO (-z relro)")
    if not program.binds_now and any(each.kind == "PT_DYNAMIC" for each in program.segments):
        wrong.append("functions are bound when they are first called (-z now)")
    if program.writable_code:
        wrong.append("a segment is writable and executable")
    if program.has_executable_stack:
        wrong.append("stacks are executable (-z noexecstack)")
    proof.missing += [f"hardening: {each}" for each in wrong]
    if not wrong:
        proof.seen.append("RELRO, BIND_NOW, no memory that is writable and executable")


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return " ".join(names[:_SHOWN]) + more
