"""Where a pointer goes inside one function, and what happens to what it points to.

Invariant: only what is plain to see counts: getelementptr, phi, select and casts of a value are the same
object, and so is what a function returns of which LLVM knows that it is its argument; what goes through memory
is lost. So an answer "yes" is certain enough to show, and "no" proves nothing.
pre: bodies are in the form of -O1 or at least with variables as values.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from llvm_pass.ir.syntax import LOCAL

if TYPE_CHECKING:
    from audit.facts.llvm.ir import Function

_VALUE = re.compile(rf"ptr ({LOCAL})")
_INCOMING = re.compile(rf"\[ ({LOCAL}), ")
_OFFSET = re.compile(rf"^(?:[a-z]+ )*i8, ptr ({LOCAL}), i64 (-?\d+)(?:,|$)")
_STORE = re.compile(rf"^  store (?:atomic |volatile )*(.*), ptr ({LOCAL}|@[\w.$-]+)(?:,| |$)")
_INTO_GLOBAL = re.compile(
    rf"^  store (?:atomic |volatile )*ptr ({LOCAL}), ptr (?:getelementptr [a-z ]*\(.*?ptr )?(@[\w.$-]+)"
)
_STORED = re.compile(rf"^  store (?:atomic |volatile )*ptr ({LOCAL}), ptr ({LOCAL}|@[\w.$-]+|getelementptr)")
_LOAD = re.compile(rf"^  {LOCAL} = load (?:atomic |volatile )*(.*?), ptr ({LOCAL})(?:,| |$)")
# Its destination, its source if it has one, and the bytes.
_WHOLE = re.compile(
    r"^  (?:tail |musttail )?call void @llvm\.(memset|memcpy|memmove)\.\S*?\((.*), i64 (\d+), i1 false\)"
)
_ATTRIBUTES = re.compile(r"ptr (?:[a-z_]+(?:\(\d+\)| \d+)? )+")
_ALLOCA = re.compile(rf"^  ({LOCAL}) = alloca (.*?)(?:, |$)")
_BRANCH = re.compile(rf"^  br i1 ({LOCAL}), label ({LOCAL}), label ({LOCAL})")
_LABEL = re.compile(r'^(?:[\w.$-]+|"[^"]*"):')
_DBG = re.compile(r"!dbg (!\d+)")


@dataclass(frozen=True)
class Access:
    """A load or store. offset: in bytes from where the pointer came in, None: not constant."""

    offset: int | None
    bytes: int
    is_store: bool
    in_entry: bool
    line: int


class Flow:
    """What one value becomes in a function. offsets: names of values that are it, with constant offset or None."""

    def __init__(self, function: Function, value: str) -> None:
        self.function = function
        self.offsets: dict[str, int | None] = {value: 0}
        self._derive()

    def _derive(self) -> None:
        for _ in range(3):  # phis may come before what flows into them
            before = len(self.offsets)
            for name, opcode, operands in self.function.derivations:
                if name not in self.offsets:
                    self._add(name, opcode, operands)
            if len(self.offsets) == before:
                return

    def _add(self, name: str, opcode: str, operands: str) -> None:
        if opcode == "call":
            if operands in self.offsets:
                self.offsets[name] = self.offsets[operands]
            return
        if opcode == "phi":
            if operands.startswith("ptr ") and any(each in self.offsets for each in _INCOMING.findall(operands)):
                self.offsets[name] = None
            return
        sources = _VALUE.findall(operands)
        if opcode == "getelementptr":
            sources = sources[:1]
        source = next((each for each in sources if each in self.offsets), None)
        if source is None:
            return
        at = self.offsets[source]
        constant = _OFFSET.match(operands)
        if opcode == "getelementptr":
            self.offsets[name] = at + int(constant[2]) if constant and at is not None else None
        else:
            self.offsets[name] = at if opcode in ("freeze", "bitcast") else None

    def __contains__(self, value: str) -> bool:
        return value in self.offsets

    def accesses(self) -> list[Access]:
        """Loads and stores through it, and fills and copies of a constant length (which LLVM makes of several stores and
        of loops), in order. An offset that a phi or select may change is not constant."""
        found, types, in_entry = [], self.function.module.types, True
        for number, line in enumerate(self.function.body):
            if _LABEL.match(line) and number:
                in_entry = False
            if whole := _WHOLE.match(line):
                pointers = _VALUE.findall(_ATTRIBUTES.sub("ptr ", whole[2]))
                for at, pointer in enumerate(pointers):
                    if pointer in self.offsets:
                        found.append(Access(self.offsets[pointer], int(whole[3]), at == 0, in_entry, number))
                continue
            match = _STORE.match(line) or _LOAD.match(line)
            if match is None or match[2] not in self.offsets:
                continue
            try:
                kind, _ = types.prefix(match[1])
            except ValueError:
                continue
            is_store = line.startswith("  store")
            found.append(Access(self.offsets[match[2]], kind.store_bytes, is_store, in_entry, number))
        return found

    def kept_in(self) -> list[tuple[str, int]]:
        """The globals that it is stored into, with the line of the body."""
        found = []
        for number, line in enumerate(self.function.body):
            match = _INTO_GLOBAL.match(line)
            if match and match[1] in self.offsets:
                found.append((match[2], number))
        return found

    def is_stored(self) -> int | None:
        """The line where it goes into memory that is no variable of the function."""
        own = [Flow(self.function, each) for each in stack_objects(self.function)]
        for number, line in enumerate(self.function.body):
            match = _STORED.match(line)
            if match and match[1] in self.offsets and not any(match[2] in each for each in own):
                return number
        return None

    def is_returned(self) -> bool:
        return any(
            line.startswith("  ret ptr ") and line.split()[2].rstrip(",") in self.offsets for line in self.function.body
        )


def stack_objects(function: Function) -> dict[str, int]:
    """Its variables on the stack: bytes of each."""
    found = {}
    for line in function.body:
        match = _ALLOCA.match(line)
        if match:
            try:
                found[match[1]] = function.module.types.prefix(match[2])[0].alloc_bytes
            except ValueError:
                continue
    return found


def block_end(function: Function, line: int) -> int:
    """The line behind the block that a line of the body is in."""
    for number in range(line + 1, len(function.body)):
        if _LABEL.match(function.body[number]):
            return number
    return len(function.body)


def place_of(function: Function, line: int) -> tuple[str, int] | None:
    """Where a line of the body comes from."""
    match = _DBG.search(function.body[line])
    if match is None and "invoke " in function.body[line] and line + 1 < len(function.body):
        match = _DBG.search(function.body[line + 1])
    return function.module.place(match[1]) if match else None


def unconditional(function: Function, flow: Flow) -> range:
    """The lines of the body that run whenever it is called with a pointer that is not null."""
    body, labels = function.body, {}
    for number, line in enumerate(body):
        if number and _LABEL.match(line):
            labels["%" + line.split(":")[0]] = number
    end = block_end(function, 0)
    last = next((line for line in reversed(body[:end]) if line.startswith("  ")), "")
    branch = _BRANCH.match(last)
    if branch and end < len(body):
        tested = re.compile(rf"^  {re.escape(branch[1])} = icmp (eq|ne) ptr ({LOCAL}), null")
        for line in body[:end]:
            match = tested.match(line)
            if match and flow.offsets.get(match[2]) == 0:
                taken = labels.get(branch[3] if match[1] == "eq" else branch[2], -1)
                # Only the block that follows: lines stay one range.
                if taken == end or taken == -1:
                    return range(block_end(function, end) if taken == end else end)
    return range(end)
