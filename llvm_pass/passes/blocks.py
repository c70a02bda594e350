"""memcpy and its kin, intrinsics and library functions: their served forms."""

from __future__ import annotations

import re

from llvm_pass.ir.syntax import Call, argument_value, metadata_of, skip_attributes
from llvm_pass.passes.base import debug_suffix
from llvm_pass.passes.frame import Frame
from llvm_pass.passes.lent import LentAccess, Operand
from llvm_pass.passes.loop_versions import LENT, RAW
from llvm_pass.passes.typed_copies import pointers_behind

_INTRINSIC = re.compile(r"^@(llvm\.(?:memcpy|memmove|memset)(?:\.inline)?)\.p0(?:\.p0)?\.(i\d+)$")
LIBRARY = {"@memcpy": "llvm.memcpy", "@memmove": "llvm.memmove", "@memset": "llvm.memset"}


class BlockCalls:
    """Rewrites the calls of one function that touch memory by themselves."""

    def __init__(self, frame: Frame) -> None:
        self._frame, self._context, self._roots, self._helpers = frame, frame.context, frame.roots, frame.helpers

    def rewrite(self, number: int, line: str, call: Call) -> bool:
        """Rewrites one call. False: it is none of these."""
        match = _INTRINSIC.match(call.callee)
        if match:
            self._block(number, line, call, match.group(1), match.group(2))
        elif call.callee in LIBRARY and call.callee in self._context.module.declarations:
            if call.kind == "call" and call.marker != "musttail":
                self._block(number, line, call, LIBRARY[call.callee], "i64")
            elif any(self._frame.checked(text) for text in call.arguments):
                self._frame.missed("LibraryCall", f"{call.callee[1:]} as {call.marker or call.kind}", line)
        else:
            return False
        return True

    def _block(self, number: int, line: str, call: Call, intrinsic: str, length_type: str) -> None:
        is_set = "memset" in intrinsic
        sides = {"to": call.arguments[0]}
        if not is_set:
            sides["from"] = call.arguments[1]
        checked = [side for side, text in sides.items() if self._roots.origin(argument_value(text)).kind != "raw"]
        checked = [] if RAW in call.rest else checked
        if not checked:
            self._context.stats["raw accesses"] += 1
            return
        place = debug_suffix(self._context, self._frame.function, line)
        length = _plain(call.arguments[2])
        served: list[str] = []
        words = [self._word(f"ptr {_plain(text)}", served, place) for text in sides.values()]
        if is_set:
            words.append(self._word(call.arguments[1], served, place, "i32"))
        words.append(self._word(f"{length_type} {length}", served, place))
        name = "galeed_memset" if is_set else "galeed_memmove"
        served.append(f"  call {self._helpers.runtime(name)}({', '.join(words)}){place}")
        volatile = _plain(call.arguments[3]) if len(call.arguments) > 3 else "false"
        if intrinsic.startswith("llvm.memcpy") and volatile == "false":
            served += pointers_behind(self._frame, line, length, {side: _plain(text) for side, text in sides.items()})
        if call.result is not None:
            served.append(f"  {call.result} = getelementptr i8, ptr {_plain(call.arguments[0])}, i64 0{place}")
        tests = [self._frame.test_of(_plain(sides[side])) for side in checked]
        result = "ptr" if call.result is not None else ""
        lent = self._lent(call, sides, checked, f"{length_type} {length}") if not result else None
        self._frame.segments.serve(number, tests, result, *served, lent=lent)
        self._context.stats["block accesses"] += 1

    def _lent(self, call: Call, sides: dict[str, str], checked: list[str], length: str) -> LentAccess | None:
        """In a loop that was copied for lent pointers: how it goes directly."""
        version = metadata_of(call.rest).get(LENT)
        if version is None or not length.startswith("i64 "):
            return None
        operands = []
        for argument, (side, text) in enumerate(sides.items()):
            pointer, value = _plain(text), length.removeprefix("i64 ")
            if side not in checked:
                continue
            entry = self._frame.segments.leases.entry(version, self._frame.test_of(pointer))
            if entry is None:
                return None
            nbytes = int(value) if value.isdigit() and value != "0" else -1
            operands.append(Operand(entry, pointer, nbytes, side == "to", "" if nbytes > 0 else value, argument))
        return LentAccess(tuple(operands)) if operands else None

    def _word(self, operand: str, before: list[str], place: str, wanted: str = "i64") -> str:
        """An operand as the runtime takes it; what makes it so goes to `before`."""
        kind, value = operand.split(" ", 1)[0], _plain(operand)
        if kind == wanted:
            return f"{wanted} {value}"
        name = self._context.edits.fresh()
        cast = "ptrtoint" if kind == "ptr" else "zext"
        before.append(f"  {name} = {cast} {kind} {value} to {wanted}{place}")
        return f"{wanted} {name}"


def _plain(argument: str) -> str:
    """The value of an argument, without type and attributes."""
    kind_end = argument.index(" ") + 1
    _, start = skip_attributes(argument, kind_end)
    return argument[start:]
