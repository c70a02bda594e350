"""Pass `loop-versions`: loops twice, for raw pointers and for lent ones.

A loop (with what is nested in it, and without calls) whose accesses start from pointers that
it does not change is kept for the case that none of them is a handle, and is copied for the
other. One test in front of it chooses. In the first no tag is asked; in the copy each lease is
looked up once, in front, and an access is a bound test and an addition: a lease does not move
while foreign code runs. The pass only makes the two and marks their accesses (`!galeed.raw`,
`!galeed.lent`); `pseudo-pointers` does with them what the marks say.

Invariant: pre: loops are simplified and closed (LLVM's loop-simplify and lcssa have run), so
that a loop is entered by one edge and what leaves it goes through phis of its exits.
"""

from __future__ import annotations

import re

from llvm_pass import abi
from llvm_pass.analysis.loops import Block, Loop, blocks_of, loops_of, predecessors_of
from llvm_pass.analysis.roots import Roots
from llvm_pass.ir.copyable import Uncopyable, defined_name, result_type
from llvm_pass.ir.module import Function
from llvm_pass.ir.syntax import LOCAL, blanked, found_in, renamed
from llvm_pass.passes.base import Context, debug_suffix
from llvm_pass.policy.read import LEARN
from llvm_pass.runtime.helpers import Helpers

RAW, LENT = "galeed.raw", "galeed.lent"
_LONGEST = 1000  # lines that are copied, at most
_ACCESS = re.compile(rf"^  (?:{LOCAL} = load (?!atomic)|store (?!atomic)).*, ptr ({LOCAL})(?=, align)")
_BLOCK = re.compile(r"^  (?:tail )?call void @llvm\.mem(?:cpy|move|set)\.p0(?:\.p0)?\.i64\(")
_ARGUMENT = re.compile(rf"ptr [^,()]*?({LOCAL})(?=[,)])")
_JUMP = re.compile(rf"^  br label ({LOCAL})")
_CALLED = re.compile(
    r"@llvm\.(?:mem(?:cpy|move|set)\.p0|lifetime\.|assume|prefetch\.|[us](?:min|max)\.|umul\.|sadd\.)|@mem(?:cpy|move|set)\("
)
_INCOMING = re.compile(rf"\[ (.+?), ({LOCAL}) \]")


def run(context: Context) -> None:
    """Looks at every function with loops."""
    if context.policy.word("profile") == LEARN:
        return
    helpers = Helpers(context.edits, context.module.metadata)
    text = context.module
    addressed = {
        name for line in text.lines if "blockaddress(" in line for name in re.findall(r"blockaddress\((@[^,]+),", line)
    }
    for function in text.functions:
        if function.helper or function.name in addressed:
            continue
        context.function = function
        if any(line.startswith(("  br ", "  switch ")) for line in text.lines[function.start : function.end]):
            _Versions(context, function, helpers).make()


class _Versions:
    """The loops of one function."""

    def __init__(self, context: Context, function: Function, helpers: Helpers) -> None:
        self._context, self._function, self._helpers = context, function, helpers
        self._lines, self._edits = context.module.lines, context.edits
        self._blocks = blocks_of(self._lines, function)
        self._found: Roots | None = None

    def make(self) -> None:
        """Makes versions of the outermost loops that suit."""
        if not self._has_back_edge():
            return
        loops = loops_of(self._blocks)
        if not loops:
            return
        self._loops, self._before = loops, predecessors_of(self._blocks)
        work = [loop for loop in loops if loop.outer < 0]
        while work:
            loop = work.pop()
            if not self._try(loop):
                work += [loops[index] for index in loop.inner]

    def _roots(self) -> Roots:
        if self._found is None:
            self._found = self._context.roots(self._function)
        return self._found

    def _has_back_edge(self) -> bool:
        blocks = self._blocks
        return any(blocks[to].start <= block.start for block in blocks.values() for to in block.successors)

    def _try(self, loop: Loop) -> bool:
        blocks = [block for block in self._blocks.values() if block.name in loop.blocks]
        numbers = [number for block in blocks for number in range(block.start + 1, block.end)]
        outside = [name for name in self._before[loop.header] if name not in loop.blocks]
        if len(numbers) > _LONGEST or len(outside) != 1:
            return False
        ahead = self._blocks[outside[0]]
        if not _JUMP.match(self._lines[ahead.terminator]) or not all(self._copyable(number) for number in numbers):
            return False
        defined = {name: n for n in numbers if (name := defined_name(self._lines[n])) is not None}
        if not self._context.module.types.names.isdisjoint(defined):
            return False
        accesses: dict[int, tuple[str, ...]] = {}
        for number in numbers:
            origins = [self._roots().origin(pointer) for pointer in self._pointers(self._lines[number])]
            roots = tuple(origin.name for origin in origins if origin.kind != "raw")
            if roots and not any(name in defined or self._left_behind(name, loop) for name in roots):
                accesses[number] = roots
        if not accesses or not self._exits_closed(loop):
            return False
        self._copy(loop, blocks, ahead, defined, accesses)
        return True

    def _left_behind(self, root: str, loop: Loop) -> bool:
        """Is it made in a loop that ends before this one? With that in two versions, there are two of it."""
        line = self._roots().line_of(root)
        if line is None:
            return False
        block = next(block.name for block in self._blocks.values() if block.start <= line < block.end)
        return any(block in other.blocks and loop.header not in other.blocks for other in self._loops)

    def _pointers(self, line: str) -> list[str]:
        """The pointers of an access, or of a copy, that may go directly; none for other lines."""
        if RAW in line or self._context.lent.spares(line):
            return []
        match = _ACCESS.match(line)
        if match:
            return [match.group(1)]
        return _ARGUMENT.findall(line) if _BLOCK.match(line) else []

    def _copyable(self, number: int) -> bool:
        """May the line stand twice? Calls of ordinary functions make a loop dear by themselves."""
        line = self._lines[number]
        if line.startswith(("  br ", "  switch ", "  store ", "   ", "  ]", "  unreachable")) or not line:
            return True
        if " = phi " in line or (" = alloca " not in line and " = load " in line):
            return True
        if "call " in line[:40] and " asm " not in line:
            return _CALLED.search(line) is not None or self._plain(line)
        return self._plain(line)

    def _plain(self, line: str) -> bool:
        if line.startswith("  ret ") or defined_name(line) is None:
            return False
        try:
            result_type(self._context.module.types, line)
        except Uncopyable:
            return any(
                f" = {word} " in line for word in ("extractvalue", "insertvalue", "shufflevector", "getelementptr")
            )
        return True

    def _exits_closed(self, loop: Loop) -> bool:
        """Is every block behind the loop reached from it alone?"""
        targets = {to for name in loop.blocks for to in self._blocks[name].successors if to not in loop.blocks}
        return all(name in loop.blocks for to in targets for name in self._before[to])

    def _copy(
        self,
        loop: Loop,
        blocks: list[Block],
        ahead: Block,
        defined: dict[str, int],
        accesses: dict[int, tuple[str, ...]],
    ) -> None:
        context, edits, lines = self._context, self._edits, self._lines
        context.stats["loops"] += 1
        number_of_version = context.stats["loops"]
        raw = context.module.metadata.node("!{}")
        lent = context.module.metadata.node(f"!{{i32 {number_of_version}}}")
        names = {name: edits.fresh() for name in [*defined, *(block.name for block in blocks)]}
        entry, roots = edits.fresh(), sorted({root for found in accesses.values() for root in found})
        names_in = {**names, ahead.name: entry}  # the phis of the header come from there
        place = debug_suffix(context, self._function, lines[ahead.terminator])

        test, bits = [], ""
        for root in roots:
            word = edits.fresh()
            test.append(f"  {word} = ptrtoint ptr {root} to i64")
            if bits:
                both = edits.fresh()
                test.append(f"  {both} = or i64 {bits}, {word}")
                word = both
            bits = word
        tagged = edits.fresh()
        test.append(f"  {tagged} = icmp slt i64 {bits}, 0")
        _, weights = self._helpers.weights()
        test.append(f"  br i1 {tagged}, label {entry}, label {loop.header}, !prof {weights}")
        edits.replace(ahead.terminator, *test)

        out = ["", f"{entry[1:]}:"]
        for root in roots:
            out.append(f"  {edits.fresh()} = call ptr {self._helpers.entry()}(ptr {root}), !{LENT} {lent}{place}")
        out.append(f"  br label {names[loop.header]}")
        for block in blocks:
            out += ["", f"{names[block.name][1:]}:"]
            for number in range(block.start + 1, block.end):
                if not lines[number]:
                    continue
                used = names_in if " = phi " in lines[number] else names
                line = renamed(lines[number], used)
                out.append(f"{line}, !{LENT} {lent}" if number in accesses else line)
        edits.insert_before(self._function.end, *out)
        for number in accesses:
            edits.replace(number, f"{lines[number]}, !{RAW} {raw}")
        self._join(loop, names)

    def _join(self, loop: Loop, names: dict[str, str]) -> None:
        """The exits are reached from the copy too."""
        targets = dict.fromkeys(
            to for name in loop.blocks for to in self._blocks[name].successors if to not in loop.blocks
        )
        for to in targets:
            number = self._blocks[to].start + 1
            while " = phi " in self._lines[number] or self._lines[number].startswith("    #dbg_"):
                line = self._lines[number]
                if " = phi " in line:
                    more = [
                        f"[ {names.get(value, value)}, {names[block]} ]" for value, block in found_in(_INCOMING, line)
                    ]
                    end = [match.end() for match in _INCOMING.finditer(blanked(line))][-1]
                    self._edits.replace(number, f"{line[:end]}, {', '.join(more)}{line[end:]}")
                number += 1


assert abi.TAG << abi.TAG_SHIFT == 1 << 63, "the tag is asked as the sign"
