"""memcpy and its kin, intrinsics and library functions, become helpers."""

from __future__ import annotations

import re

from llvm_pass.ir.syntax import Call, argument_value, skip_attributes
from llvm_pass.passes.base import debug_suffix
from llvm_pass.passes.frame import Frame
from llvm_pass.passes.typed_copies import pointers_behind

_INTRINSIC = re.compile(r"^@(llvm\.(?:memcpy|memmove|memset)(?:\.inline)?)\.p0(?:\.p0)?\.(i\d+)$")
LIBRARY = {"@memcpy": "llvm.memcpy", "@memmove": "llvm.memmove", "@memset": "llvm.memset"}
_ALIGN = re.compile(r" align (\d+)")
_LARGEST_ALIGN = 4096  # a handle keeps the low 12 bits of the address, no more


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
        if not checked:
            self._context.stats["raw accesses"] += 1
            return
        served: list[str] = []
        operands = []
        ends: dict[str, tuple[str, str | None]] = {}
        for side, text in sides.items():
            entry, made = self._frame.entry_of(_plain(text), line) if side in checked else (None, "")
            operands += [f"ptr {_plain(text)}", *([f"ptr {entry}"] if entry else [])]
            served += [made] if made else []
            ends[side] = _plain(text), entry
        suffix, place = self._frame.suffix(line), debug_suffix(self._context, self._frame.function, line)
        if is_set:
            operands.append(self._byte(call.arguments[1], served, place))
        length = _plain(call.arguments[2])
        operands.append(f"{length_type} {length}")
        volatile = _plain(call.arguments[3]) if len(call.arguments) > 3 else "false"
        aligns = tuple(_align(text) for text in sides.values())
        fixed = length if intrinsic.endswith(".inline") else ""
        helper = self._helpers.block(intrinsic, " ".join(checked), length_type, aligns, volatile, fixed)
        served.append(f"  call void {helper}({', '.join(operands)}){suffix}")
        if intrinsic.startswith("llvm.memcpy") and volatile == "false":
            served += pointers_behind(self._frame, line, length, ends)
        if call.result is not None:
            served.append(f"  {call.result} = getelementptr i8, ptr {_plain(call.arguments[0])}, i64 0{place}")
        tests = [self._frame.test_of(_plain(sides[side])) for side in checked]
        self._frame.segments.serve(number, tests, "ptr" if call.result is not None else "", *served)
        self._context.stats["block accesses"] += 1

    def _byte(self, argument: str, before: list[str], suffix: str) -> str:
        """memset's byte; the library function takes it as an int."""
        kind = argument.split(" ", 1)[0]
        if kind == "i8":
            return f"i8 {_plain(argument)}"
        name = self._context.edits.fresh()
        before.append(f"  {name} = trunc {kind} {_plain(argument)} to i8{suffix}")
        return f"i8 {name}"


def _plain(argument: str) -> str:
    """The value of an argument, without type and attributes."""
    kind_end = argument.index(" ") + 1
    _, start = skip_attributes(argument, kind_end)
    return argument[start:]


def _align(argument: str) -> int:
    match = _ALIGN.search(argument)
    return min(int(match.group(1)), _LARGEST_ALIGN) if match else 1
