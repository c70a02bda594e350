"""What the file itself must be like: no gadget, galeed's allocator, tables that nobody writes, and what hardening needs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from llvm_pass.driver.cargo_build import ALLOCATOR
from mpk.scanner.code import ScanError
from mpk.scanner.command import scan_target
from mpk.scanner.place import Verdict

if TYPE_CHECKING:
    from audit.facts.binary.elf import Elf
    from audit.verify.proof import Built, Proof

# Words of the policy's `hardening` that bring part `code`, which moves and seals a program's text.
_WITH_CODE = frozenset({"strict", "full", "code"})


def allocator(program: Elf, proof: Proof) -> None:
    if program.defines([ALLOCATOR]):
        proof.seen.append("galeed's allocator is the global allocator")
    elif not program.symbols:
        proof.missing.append("allocator: not proven, the program is stripped")
    else:
        proof.missing.append(f"allocator: the global allocator is not galeed's ({ALLOCATOR} is not in it)")


def gadgets(path: str, proof: Proof) -> None:
    try:
        scan = scan_target(path)
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


def layout(built: Built, proof: Proof) -> None:
    program, wrong = built.elf, []
    if not program.has_relro:
        wrong.append("no RELRO (-z relro)")
    if not program.binds_now and any(each.kind == "PT_DYNAMIC" for each in program.segments):
        wrong.append("functions are bound when they are first called (-z now)")
    if program.writable_code:
        wrong.append("a segment is writable and executable")
    if program.has_executable_stack:
        wrong.append("stacks are executable (-z noexecstack)")
    wanted = built.policy.word("hardening")
    needs_pie = bool(_WITH_CODE & set(re.split(r"[,?]+", wanted or "")))
    if needs_pie and program.kind != "ET_DYN":
        wrong.append(f'is not linked as PIE, which part code of "{wanted}" needs ({built.policy.where("hardening")})')
    proof.missing += [f"hardening: {each}" for each in wrong]
    if not wrong:
        pie = f', PIE as "{wanted}" needs it' if needs_pie else ""
        proof.seen.append(f"RELRO, BIND_NOW, no memory that is writable and executable{pie}")
