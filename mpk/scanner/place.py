"""Where a gadget stands: object, function, and the instruction that it is or hides in.

Instructions are told by a walk from the function's first byte, as the compiler meant
them. Source of the decoding: iced-x86.
"""

from dataclasses import dataclass
from enum import Enum

from iced_x86 import Decoder, Formatter, FormatterSyntax, Instruction, Mnemonic

from mpk.gadgets import Gadget, Hit
from mpk.scanner.code import Run
from mpk.scanner.guards import is_compared
from mpk.scanner.image import Function, Image

_MEANT = {
    Gadget.WRPKRU: {Mnemonic.WRPKRU},
    Gadget.XRSTOR: {Mnemonic.XRSTOR, Mnemonic.XRSTOR64},
    Gadget.XRSTORS: {Mnemonic.XRSTORS, Mnemonic.XRSTORS64},
    Gadget.WRFSBASE: {Mnemonic.WRFSBASE},
    Gadget.WRGSBASE: {Mnemonic.WRGSBASE},
}
_LONGEST = 15
_WALK_BYTES = 4 << 20  # of one function, at most
# TEST EAX, 1 << 9; JNZ to the UD2 behind the jump that follows: what code_detour.c writes.
_TEST, _STOP = b"\xa9\x00\x02\x00\x00\x75\x05\xe9", b"\x0f\x0b"


class Context(Enum):
    """How a gadget relates to the instructions that were meant."""

    INSTRUCTION = "instruction"
    INSIDE = "inside"
    ACROSS = "across"
    UNKNOWN = "unknown"


class Verdict(Enum):
    """What a gadget means for the domains of a process that holds it."""

    OPEN = "open"
    GUARDED = "guarded"
    FAULTS = "faults"


@dataclass(frozen=True)
class Object:
    """An image and by how much it was moved when it was loaded."""

    name: str
    image: Image
    bias: int


@dataclass(frozen=True)
class Found:
    """One gadget, placed. file_offset: None where there is no file."""

    hit: Hit
    file_offset: int | None
    code: bytes
    object: str | None
    section: str | None
    function: Function | None
    context: Context
    instruction_address: int | None
    instruction: str | None
    verdict: Verdict


def place(hit: Hit, run: Run, file_offset: int | None, owner: Object | None, bits: int) -> Found:
    """Decodes what surrounds a hit. Raises ScanError when the code cannot be read any more."""
    bias = owner.bias if owner else 0
    function = owner.image.function_at(hit.offset - bias) if owner else None
    if function:
        function = Function(function.start + bias, function.end + bias, function.name)
    context, address, text = Context.UNKNOWN, None, None
    if function and run.start <= function.start and hit.offset - function.start < _WALK_BYTES:
        context, address, text = _walk(hit, run, function, bits)
    return Found(
        hit,
        file_offset,
        run.read(hit.offset, hit.offset + hit.size),
        owner.name if owner else None,
        owner.image.section_at(hit.offset - bias) if owner else None,
        function,
        context,
        address,
        text,
        _verdict(hit, run, owner, bits),
    )


def _verdict(hit: Hit, run: Run, owner: Object | None, bits: int) -> Verdict:
    if hit.gadget is Gadget.XRSTORS:
        return Verdict.FAULTS
    if hit.gadget is Gadget.WRPKRU and owner and hit.offset - owner.bias in owner.image.guarded:
        return Verdict.GUARDED if is_compared(hit, run, bits) else Verdict.OPEN
    if hit.gadget is Gadget.XRSTOR:
        code = run.read(hit.offset, hit.offset + _LONGEST + len(_TEST) + 4 + len(_STOP))
        behind = code[Decoder(bits, code).decode().len :]
        if behind.startswith(_TEST) and behind[len(_TEST) + 4 :].startswith(_STOP):
            return Verdict.GUARDED
    return Verdict.OPEN


def _walk(hit: Hit, run: Run, function: Function, bits: int) -> tuple[Context, int | None, str | None]:
    code = run.read(function.start, hit.offset + hit.size + 2 * _LONGEST)
    decoder = Decoder(bits, code, ip=function.start)
    for instruction in decoder:
        if instruction.is_invalid:
            break
        if instruction.next_ip <= hit.offset:
            continue
        if instruction.mnemonic in _MEANT[hit.gadget] and hit.offset + hit.size <= instruction.next_ip:
            return Context.INSTRUCTION, instruction.ip, _text(instruction)
        if hit.offset + hit.size <= instruction.next_ip:
            return Context.INSIDE, instruction.ip, _text(instruction)
        follower = decoder.decode()
        both = f"{_text(instruction)}; {_text(follower)}" if not follower.is_invalid else _text(instruction)
        return Context.ACROSS, instruction.ip, both
    return Context.UNKNOWN, None, None


def _text(instruction: Instruction) -> str:
    return Formatter(FormatterSyntax.GAS).format(instruction)
