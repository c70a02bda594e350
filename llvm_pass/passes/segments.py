"""Where a pointer's tag is asked, once for a run of accesses: a *segment* in two copies.

A segment is a run of instructions of one block, from an access to an access. Behind one
test of the tag bits of its pointers it stands twice: as it was, for raw pointers, and in
the *served* form, where each access is a call of the runtime. What is used behind it is
joined by phis under its old name. So raw pointers pay one test for a run of accesses and
nothing on the way of the data, and the optimiser's work on the run stays as it is.

Invariant: what a segment holds besides accesses can be done twice: no call, no alloca, no
phi. The test's values are known where the segment begins. An access that wrongly goes the
raw way traps: a pseudo-pointer is no canonical address.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from llvm_pass.analysis.loops import entry_name
from llvm_pass.analysis.roots import Roots
from llvm_pass.ir.copyable import Uncopyable, defined_name, result_type
from llvm_pass.ir.edit import Told
from llvm_pass.ir.module import Function
from llvm_pass.ir.syntax import LOCAL, blanked, metadata_of, renamed
from llvm_pass.passes.base import Context
from llvm_pass.passes.lent import Leases, LentAccess
from llvm_pass.passes.profile import HITS, SITE

_LOCAL = re.compile(LOCAL)
_INCOMING = re.compile(rf"\[ (.+?), ({LOCAL}) \]")
_LONGEST_GAP = 6  # instructions between two accesses; more cost more room than a test of its own
_MOST_TESTS = 3
_LARGEST_SEGMENT = 64


@dataclass(frozen=True, slots=True)
class Served:
    """An access that may meet a handle. tests: the pointers whose tag decides. lines: its served
    form. result: the type of what it defines, or "" for nothing. lent: in a loop for lent pointers."""

    line: int
    tests: tuple[str, ...]
    lines: tuple[str, ...]
    result: str
    lent: LentAccess | None = None


class Segments:
    """Collects the accesses of one function in order, then makes the segments."""

    def __init__(
        self, context: Context, function: Function, roots: Roots, leases: Leases, weights: tuple[str, str]
    ) -> None:
        """weights: of branches that are likely, and of unlikely ones."""
        self.leases = leases
        self._context, self._function, self._roots = context, function, roots
        self._edits, self._lines = context.edits, context.module.lines
        self._likely, self._unlikely = weights
        self._shared_names = roots.among(context.module.types.names)
        self._served: list[Served] = []
        self._moved: dict[str, str] = {}  # block -> the label that its end has now
        self._uses: Counter[str] = Counter()
        self._tokens: dict[int, list[str]] = {}  # of the served forms
        self._types: dict[int, str] = {}  # of what is copied

    def serve(self, line: int, tests: Iterable[str], result: str, *served: str, lent: LentAccess | None = None) -> None:
        """The access at `line` stays for raw pointers, and is `served` when a test has the tag.

        lent: it is made directly where its lease allows that, and `served` otherwise.

        pre: in the order of lines; the tests dominate the line.
        """
        if SITE in self._lines[line]:
            node = self._context.module.metadata.nodes[metadata_of(self._lines[line])[SITE]]
            hit = f"getelementptr (i8, ptr {HITS}, i64 {node.removeprefix('!{i32 ').removesuffix('}')})"
            served = (*served, f"  store i8 1, ptr {hit}, align 1")
        lines = served if not any("\n" in text for text in served) else tuple("\n".join(served).split("\n"))
        self._served.append(Served(line, tuple(dict.fromkeys(tests)), lines, result, lent))

    def build(self) -> None:
        """Makes the edits. Call once, when every access was seen."""
        if not self._served:
            return
        lines, function = self._lines, self._function
        self._uses.update(_LOCAL.findall("\n".join(lines[function.start + 1 : function.end])))
        for access in self._served:
            self._tokens[access.line] = _LOCAL.findall("\n".join(access.lines))
            self._uses.update(self._tokens[access.line])
        runs, at = [], 0
        while at < len(self._served):
            runs.append(self._run(at))
            at += len(runs[-1])
            self._uses.update({test for access in runs[-1] for test in access.tests})  # known behind where it is made
        starts = sorted((line, name) for name, line in function.blocks.items())
        block, place = entry_name(function), 0
        for run in runs:
            while place < len(starts) and starts[place][0] < run[0].line:
                block, place = starts[place][1], place + 1
            self._emit(run, block)
        if self._moved:
            self._move_phis()

    def _run(self, at: int) -> list[Served]:
        """The accesses that share a segment with the one at index `at`."""
        run, first = [self._served[at]], self._served[at]
        tests = set(first.tests)
        if self._clashes(first.line, first.line):
            return run
        for access in self._served[at + 1 :]:
            if access.line - first.line > _LARGEST_SEGMENT or len(tests | set(access.tests)) > _MOST_TESTS:
                break
            if (access.lent is None) != (first.lent is None):
                break
            asked = access.tests if access.lent is None else self.leases.needed(access.lent)
            if not all(self._known(value, first.line) for value in asked):
                break
            if not self._copyable(run[-1].line + 1, access.line) or self._clashes(access.line, access.line):
                break
            tests |= set(access.tests)
            run.append(access)
        return run

    def _known(self, value: str, line: int) -> bool:
        defined = self._roots.line_of(value)
        return defined is None or defined < line

    def _copyable(self, start: int, end: int) -> bool:
        count = 0
        for number in range(start, end):
            line = self._lines[number]
            if line.startswith("    #dbg_"):
                continue
            count += 1
            if count > _LONGEST_GAP or self._edits.touched(number) or not self._is_copyable(number, line):
                return False
        return True

    def _is_copyable(self, number: int, line: str) -> bool:
        if line.startswith("  store ") and " atomic " not in line:
            return True
        if defined_name(line) is None:
            return False
        try:
            self._types[number] = result_type(self._context.module.types, line)
        except Uncopyable:
            return False
        return not self._named_like_a_type(line)

    def _clashes(self, start: int, end: int) -> bool:
        return any(self._named_like_a_type(line) for line in self._lines[start : end + 1])

    def _named_like_a_type(self, line: str) -> bool:
        """Does a value share its name with a type, or is there a string? Then names cannot be changed in text."""
        if ' c"' in line:
            return True
        return bool(self._shared_names) and not self._shared_names.isdisjoint(_LOCAL.findall(line))

    def _emit(self, run: list[Served], block: str) -> None:
        edits, first, last = self._edits, run[0].line, run[-1].line
        served_at = {access.line: access for access in run}
        numbers = range(first, last + 1)
        defined = {name: n for n in numbers if (name := defined_name(self._lines[n])) is not None}
        inside = Counter(_LOCAL.findall("\n".join(self._lines[first : last + 1])))
        for access in run:
            inside.update(self._tokens[access.line])
        joined = [name for name in defined if self._uses[name] > inside[name]]
        raw_names = {name: edits.fresh() for name in defined}
        served_names = {name: edits.fresh() for name in defined}
        alone = first == last
        raw, served = [], []
        for number in numbers:
            likely, unlikely = self._copies(number, served_at.get(number))
            raw += [_renamed(text, raw_names, alone) for text in likely]
            served += [_renamed(text, served_names, alone) for text in unlikely]
        to_served, to_raw, to_join = edits.fresh(), edits.fresh(), edits.fresh()
        out = [*self._decision(run, to_served, to_raw), ""]
        out += [f"{to_served[1:]}:", *served, f"  br label {to_join}", ""]
        out += [f"{to_raw[1:]}:", *raw, f"  br label {to_join}", "", f"{to_join[1:]}:"]
        for name in joined:
            joined_here = served_at.get(defined[name])
            kind = joined_here.result if joined_here is not None else self._types[defined[name]]
            out.append(f"  {name} = phi {kind} [ {served_names[name]}, {to_served} ], [ {raw_names[name]}, {to_raw} ]")
        edits.replace(first, *out)
        for number in range(first + 1, last + 1):
            edits.replace(number)
        asked = self._asked(run)
        for number in numbers:
            there = served_at.get(number)
            edits.tell(number, Told(there.lines, asked) if there else None)
        self._moved[block] = to_join
        self._context.stats["segments"] += 1

    def _asked(self, run: list[Served]) -> str:
        """In words, when the served copy is taken."""
        what = f"one test for {len(run)} access{'es' if len(run) > 1 else ''}"
        if any(access.lent is not None for access in run):
            return f"in the loop for lent pointers, where a lease does not allow it directly ({what})"
        tests = sorted({test for access in run for test in access.tests}, key=_by_number)
        return f"where {' or '.join(tests)} is a pseudo-pointer ({what})"

    def _copies(self, number: int, access: Served | None) -> tuple[Sequence[str], Sequence[str]]:
        """What stands for a line in the likely copy and in the served one."""
        line = self._lines[number]
        if access is None:
            return [line], [line]
        return [line] if access.lent is None else self.leases.direct(line, access.lent), access.lines

    def _decision(self, run: list[Served], to_served: str, to_raw: str) -> list[str]:
        """IR that goes to one of the two copies."""
        lent = [access.lent for access in run if access.lent is not None]
        if not lent:
            tests = sorted({test for access in run for test in access.tests}, key=_by_number)
            condition, tagged = self._test(tests)
            return [*condition, f"  br i1 {tagged}, label {to_served}, label {to_raw}, !prof {self._unlikely}"]
        out: list[str] = []
        tests_left = self.leases.tests(lent)
        for number, (condition, inside) in enumerate(tests_left):
            last = number == len(tests_left) - 1
            following = to_raw if last else self._edits.fresh()
            out += [*condition, f"  br i1 {inside}, label {following}, label {to_served}, !prof {self._likely}"]
            out += [] if last else ["", f"{following[1:]}:"]
        return out

    def _test(self, tests: list[str]) -> tuple[list[str], str]:
        """IR that asks whether any of the pointers has the tag; the name of the answer."""
        fresh, all_bits = self._edits.fresh, ""
        out: list[str] = []
        for test in tests:
            bits = fresh()
            out.append(f"  {bits} = ptrtoint ptr {test} to i64")
            if all_bits:
                both = fresh()
                out.append(f"  {both} = or i64 {all_bits}, {bits}")
                bits = both
            all_bits = bits
        tagged = fresh()
        out.append(f"  {tagged} = icmp slt i64 {all_bits}, 0")
        return out, tagged

    def _move_phis(self) -> None:
        """Phis name the block that control comes from: its new last part."""
        moved = self._moved
        for label in self._function.blocks.values():
            number = label + 1
            while " = phi " in self._lines[number] or self._lines[number].startswith("    #dbg_"):
                line = self._lines[number]
                if " = phi " in line:
                    new = line
                    for match in reversed(list(_INCOMING.finditer(blanked(line)))):
                        start, end = match.span(2)
                        new = f"{new[:start]}{moved.get(line[start:end], line[start:end])}{new[end:]}"
                    if new != line:
                        self._edits.replace(number, new)
                number += 1


def _renamed(line: str, names: dict[str, str], alone: bool) -> str:
    """A line with values under other names. alone: only what it defines."""
    if alone:
        name = defined_name(line)
        return f"  {names[name]}{line[2 + len(name) :]}" if name in names and name is not None else line
    return renamed(line, names)


def _by_number(name: str) -> tuple[int, str]:
    return (int(name[1:]), "") if name[1:].isdigit() else (-1, name)
