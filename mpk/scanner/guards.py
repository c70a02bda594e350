"""Whether what follows a listed WRPKRU is one of the comparisons that the runtime emits.

Three forms, each ahead of any store, call or other jump:

* *copy* (``pkru_write``, pkru.h, host_pkru.h): EAX against a register that was
  filled before; unequal goes to a call or UD2.
* *state* (``close_all``, gate.c, mpk_close of call_macros.h): EAX, masked by
  ``runtime.guarded``, against that word, read again from its constant address.
* *record* (mpk_open of call_macros.h): the thread's record, found from the FS base;
  instruction by instruction, up to UD2.

Assumes nothing of the file, and proves nothing of it either: its list of sites is the
file's own claim, and whoever wrote the file may have copied a comparison and chosen the
register that it compares with. Only for the runtime's own copy does "guarded" say
what pkru.h promises. Hardening believes no list but that of its own program.

Source: the headers named; iced-x86.
"""

from enum import Enum

from iced_x86 import (
    Code,
    Decoder,
    FlowControl,
    Formatter,
    FormatterSyntax,
    Instruction,
    InstructionInfoFactory,
    Mnemonic,
    OpAccess,
    OpKind,
    Register,
    RegisterExt,
)

from mpk.gadgets import Hit
from mpk.scanner.code import Run

GUARDED_WORD = 0x201000000028  # MPK_PUBLISHED_BASE + offsetof(struct runtime, guarded)
_LONGEST = 15
_WITHIN = 12  # instructions behind the WRPKRU, and on the way to the end
_WRITES = (OpAccess.WRITE, OpAccess.READ_WRITE, OpAccess.COND_WRITE, OpAccess.READ_COND_WRITE)
_FAIL, _PASS, _AGAIN = "to ud2", "behind ud2", "back"
# mpk_open, from behind the WRPKRU on; a second word says where a jump goes.
_RECORD_FORM = (
    ("mov %r11,%rcx",),
    ("movabs $0x201000100000,%rdx",),
    ("sub %rdx,%rcx",),
    ("ror $0xB,%rcx",),
    ("cmp $0x1000,%rcx",),
    ("jae", _FAIL),
    ("rdfsbase %rdx",),
    ("cmp %rdx,(%r11)",),
    ("jne", _FAIL),
    ("mov 0x10(%r11),%ecx",),
    ("dec %ecx",),
    ("cmp $0x40,%ecx",),
    ("jae", _FAIL),
    ("lea (%rcx,%rcx,2),%rcx",),
    ("lea 0x100(%r11,%rcx,8),%rsi",),
    ("cmpl $3,0xC(%rsi)",),
    ("jne", _FAIL),
    ("movabs $0x201000000028,%rdx",),
    ("mov (%rdx),%rdx",),
    ("mov %rdx,%rdi",),
    ("shr $0x20,%rdi",),
    ("mov 8(%rsi),%ecx",),
    ("xor %eax,%ecx",),
    ("test %edi,%ecx",),
    ("je", _PASS),
    ("cmp %r10,%rdx",),
    ("mov %rdx,%r10",),
    ("jne", _AGAIN),
    ("ud2",),
)


class _Holds(Enum):
    """What a register holds, told by what was done since the WRPKRU."""

    WRITTEN = "the value that was written"
    ADDRESS = "the address of runtime.guarded"
    STATE = "runtime.guarded"
    MASK = "the upper half of runtime.guarded"
    MASKED = "the written value where the mask is"
    OTHER = "something else"


def is_compared(hit: Hit, run: Run, bits: int) -> bool:
    """pre: the hit is a WRPKRU. Raises ScanError when the code cannot be read any more."""
    if bits != 64:  # there is no 32-bit runtime
        return False
    start = hit.offset + hit.size
    code = run.read(start, start + len(_RECORD_FORM) * _LONGEST)
    return _is_record_form(list(zip(Decoder(64, code, ip=start), _RECORD_FORM, strict=False))) or _is_other_form(
        run, code, start, hit.offset
    )


def _is_record_form(rows: list[tuple[Instruction, tuple[str, ...]]]) -> bool:
    if len(rows) < len(_RECORD_FORM):
        return False
    formatter = Formatter(FormatterSyntax.GAS)
    last = rows[-1][0]
    for instruction, form in rows:
        text = formatter.format(instruction)
        if len(form) == 1:
            if text != form[0]:
                return False
        else:
            target = instruction.near_branch_target
            fits = {_FAIL: target == last.ip, _PASS: target == last.next_ip, _AGAIN: target < rows[0][0].ip}[form[1]]
            if text.partition(" ")[0] != form[0] or not fits:
                return False
    return True


def _is_other_form(run: Run, code: bytes, start: int, site: int) -> bool:
    """The copy or the state: follows what registers hold up to the first jump."""
    holds: dict[int, _Holds] = {Register.RAX: _Holds.WRITTEN}
    compared: set[_Holds | None] | None = None
    factory = InstructionInfoFactory()
    for instruction, _ in zip(Decoder(64, code, ip=start), range(_WITHIN), strict=False):
        if instruction.flow_control == FlowControl.CONDITIONAL_BRANCH:
            return _decides(run, instruction, compared, site)
        info = factory.info(instruction)
        if instruction.is_invalid or instruction.flow_control != FlowControl.NEXT:
            return False
        if any(memory.access in _WRITES for memory in info.used_memory()):
            return False
        if instruction.mnemonic == Mnemonic.CMP:
            compared = _operands(instruction, holds)
            continue
        if instruction.rflags_modified:
            compared = None
        result = _result(instruction, holds)
        for used in info.used_registers():
            if used.access in _WRITES:
                full = RegisterExt.full_register(used.register)
                holds[full] = _Holds.OTHER
        if result and instruction.op0_kind == OpKind.REGISTER:
            holds[RegisterExt.full_register(instruction.op0_register)] = result
    return False


def _operands(instruction: Instruction, holds: dict[int, _Holds]) -> set[_Holds | None] | None:
    """Of a comparison of two 32-bit registers. None in it: not written since the WRPKRU."""
    if instruction.code not in (Code.CMP_RM32_R32, Code.CMP_R32_RM32):
        return None
    if instruction.op0_kind != OpKind.REGISTER or instruction.op1_kind != OpKind.REGISTER:
        return None
    full = [RegisterExt.full_register(one) for one in (instruction.op0_register, instruction.op1_register)]
    if not {Register.RCX, Register.RDX, Register.RSP}.isdisjoint(one for one in full if one not in holds):
        return None  # what WRPKRU wants to be zero is no copy
    return {holds.get(one) for one in full}


def _result(instruction: Instruction, holds: dict[int, _Holds]) -> _Holds | None:
    """What the first operand holds then; None when it is nothing that counts."""
    if instruction.mnemonic == Mnemonic.MOV and instruction.op1_kind == OpKind.IMMEDIATE64:
        return _Holds.ADDRESS if instruction.immediate(1) == GUARDED_WORD else None
    if instruction.code == Code.MOV_R64_RM64 and instruction.op1_kind == OpKind.MEMORY:
        plain = not instruction.memory_displacement and instruction.memory_index == Register.NONE
        held = holds.get(RegisterExt.full_register(instruction.memory_base))
        return _Holds.STATE if plain and held is _Holds.ADDRESS and not instruction.has_segment_prefix else None
    if instruction.op0_kind != OpKind.REGISTER:
        return None
    before = holds.get(RegisterExt.full_register(instruction.op0_register))
    if instruction.code == Code.SHR_RM64_IMM8:
        return _Holds.MASK if before is _Holds.STATE and instruction.immediate(1) == 32 else None
    if instruction.op1_kind != OpKind.REGISTER:
        return None
    source = holds.get(RegisterExt.full_register(instruction.op1_register))
    if instruction.code in (Code.MOV_RM32_R32, Code.MOV_R32_RM32, Code.MOV_RM64_R64, Code.MOV_R64_RM64):
        return source if source is not _Holds.ADDRESS else None
    if instruction.code in (Code.AND_RM32_R32, Code.AND_R32_RM32):
        return _Holds.MASKED if {before, source} == {_Holds.WRITTEN, _Holds.MASK} else None
    return None


def _decides(run: Run, jump: Instruction, compared: set[_Holds | None] | None, site: int) -> bool:
    """Equal goes one way, unequal another; what differs from a copy goes to its end."""
    if jump.mnemonic not in (Mnemonic.JE, Mnemonic.JNE):
        return False
    equal, unequal = jump.near_branch_target, jump.next_ip
    if jump.mnemonic == Mnemonic.JNE:
        equal, unequal = unequal, equal
    if equal in (unequal, site):
        return False
    if compared == {_Holds.MASKED, _Holds.STATE}:
        return True
    return compared == {_Holds.WRITTEN, None} and _ends(run, unequal)


def _ends(run: Run, address: int) -> bool:
    """A call that does not come back (the runtime's _mpk_pkru_differs), or UD2."""
    for _ in range(_WITHIN):
        code = run.read(address, address + _LONGEST) if run.start <= address < run.end else b""
        instruction = Decoder(64, code, ip=address).decode()
        if instruction.mnemonic == Mnemonic.UD2:
            return True
        if instruction.is_invalid:
            return False
        if instruction.flow_control in (FlowControl.CALL, FlowControl.INDIRECT_CALL):
            return True
        if instruction.flow_control == FlowControl.UNCONDITIONAL_BRANCH:
            address = instruction.near_branch_target
        elif instruction.flow_control == FlowControl.NEXT:
            address = instruction.next_ip
        else:
            return False
    return False
