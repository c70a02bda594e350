"""Where a pointer comes from: followed through getelementptr, phi, select and their kin.

A *root* is a value that may be a pseudo-pointer and is not computed from another
pointer of the same function: an argument, a loaded pointer, a call's result. A *raw*
origin cannot be one: an alloca, a global, a constant, fresh memory of C's allocator, and
what a policy says the host never lends.

Attacker: being wrong here costs speed or a trap, never safety; a pseudo-pointer is a
non-canonical address, so an access that was taken for raw faults.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from llvm_pass.analysis.lent_types import EVERYTHING, LentTypes
from llvm_pass.ir.module import Function, Module, block_of_label
from llvm_pass.ir.syntax import GLOBAL, LOCAL, argument_value, blanked, found_in, groups_of

# What these return is C's own memory (or the C library's), never lent.
OWN_MEMORY = frozenset(
    "@" + name
    for name in (
        "malloc calloc realloc reallocarray aligned_alloc memalign valloc pvalloc strdup strndup mmap "
        "_Znwm _Znam _ZnwmRKSt9nothrow_t _ZnamRKSt9nothrow_t _ZnwmSt11align_val_t _ZnamSt11align_val_t "
        "__errno_location __ctype_b_loc __ctype_tolower_loc __ctype_toupper_loc getenv localeconv "
        "fopen fopen64 fdopen freopen tmpfile opendir __cxa_allocate_exception "
        "llvm.stacksave.p0 llvm.call.preallocated.arg llvm.threadlocal.address.p0 llvm.frameaddress.p0 llvm.returnaddress"
    ).split()
)
# Of instructions with a result, by the first letters: the opcodes that the scan looks at.
_LOOKED_AT = {
    "load ": "load", "atomi": "atomicrmw", "cmpxc": "cmpxchg", "call ": "call", "tail ": "call", "mustt": "call",
    "notai": "call", "invok": "invoke", "callb": "callbr", "va_ar": "va_arg", "intto": "inttoptr", "alloc": "alloca",
}  # fmt: skip
_NOWHERE = frozenset(("poison", "undef", "null"))  # what no access goes through: no origin of its own
_LONGEST_DISTANCE = 4  # steps from an index to the difference of two pointers
_LONGEST_CHAIN = 4096  # unreachable code may define a value by itself
_LARGEST_WEB = 512  # phis and selects looked at for one value before a shadow is made anyway

_DEFINITION = re.compile(rf"^  ({LOCAL}) = (?:tail |musttail |notail )?(\w+)(.*)$")
_BASE = re.compile(rf", ptr(?: addrspace\(\d+\))? ({LOCAL})(?=,|$)")
_INDEX = re.compile(rf", i64 ({LOCAL})(?:,|$)")
_OPERANDS = re.compile(rf"(?<=[ ,])({LOCAL})")
_TAKEN = re.compile(rf"^ ptr ({LOCAL}) to i64")
_PHI = re.compile(rf"\[ (.+?), ({LOCAL}) \]")
_SELECT = re.compile(rf"^ (?:[a-z]+ )*(i1 .+?), ptr (.+?), ptr ({LOCAL}|{GLOBAL}|[a-z]\w*(?: .*\))?)(?=, !|$)")
_SAME = re.compile(rf"@llvm\.(?:ptrmask|launder\.invariant|strip\.invariant|ssa\.copy)[\w.]*(?:\(ptr [^,]*?({LOCAL}))?")
_CALLEE = re.compile(rf" ({GLOBAL})\(")
_COPIED = re.compile(r" (?:byval|inalloca|preallocated)\(")
_VECTOR_BASE = re.compile(rf", <\d+ x ptr> ({LOCAL})(?=,|$)")
_FROM_FLAT = re.compile(rf"^ ptr ({LOCAL}) to ")
_COPY = re.compile(rf"^ ptr ({LOCAL})(?=,| to |$)")


@dataclass(frozen=True, slots=True)
class Merge:
    """A phi or select of pointers. inputs: (value or None for a constant, incoming block or ""), less
    those that lead nowhere. partial: there were such."""

    name: str
    line: int
    kind: str
    inputs: tuple[tuple[str | None, str], ...]
    condition: str = ""
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Origin:
    """kind: "raw"; "root" with its name; "merge" of several, with the phi's or select's name."""

    kind: str
    name: str = ""


@dataclass(slots=True)
class _Definition:
    line: int
    opcode: str
    rest: str
    base: str | None = None
    merge: Merge | None = field(default=None)


RAW = Origin("raw")
_Web = tuple[frozenset[str], bool]


class Roots:
    """Origins of the pointers of one function."""

    def __init__(self, module: Module, function: Function, lent: LentTypes = EVERYTHING) -> None:
        """lent: what a policy says of the memory that the host lends."""
        self._lent = lent
        self._lines = module.lines
        self._defined_at: dict[str, int] = {}
        self._definitions: dict[str, _Definition] = {}  # those that were looked at
        self._origins: dict[str, Origin] = {}
        self._bases: dict[str, str | None] = {}
        self._webs: dict[str, _Web] = {}
        self._distances = 0
        self.first_line = function.start + 1  # where arguments' entries are computed
        self.entry_line = function.start + 1  # the entry block's first instruction
        # Copies on the callee's own stack: never lent.
        self._copies = {argument_value(text) for text in function.header.parameters if _COPIED.search(text)}
        self.made_pointers: set[str] = set()  # integers that inttoptr makes into pointers
        self.accesses: list[tuple[int, str]] = []  # lines that may touch memory, with their opcodes
        self._scan(module.lines, function)
        behind = (line for line in function.blocks.values() if line > function.start + 1)
        self._second_block = min(behind, default=function.end)

    def _scan(self, lines: list[str], function: Function) -> None:
        leading, defined_at, accesses = True, self._defined_at, self.accesses
        for number in range(function.start + 1, function.end):
            line = lines[number]
            if line[:3] == "  %":
                end = line.find(" = ", line.find('"', 4) if line[3] == '"' else 3)
                if end < 0:
                    continue
                defined_at[line[2:end]] = number
                opcode = _LOOKED_AT.get(line[end + 3 : end + 8])
                if opcode is not None:
                    if opcode == "inttoptr":
                        made = argument_value(line.split(" to ptr", 1)[0])
                        if made is not None:
                            self.made_pointers.add(made)
                    elif opcode == "alloca":
                        if leading:
                            self.first_line = number + 1
                        continue
                    else:
                        accesses.append((number, opcode))
                leading = False
            elif line[:2] == "  ":
                if line[2] == " ":
                    continue  # a debug record, or the rest of the instruction before
                leading = False
                word = line[2:7]
                if word in ("store", "call ", "tail ", "mustt", "notai", "invok", "callb"):
                    self.accesses.append((number, "store" if word == "store" else "call"))
            elif line and line[0] != ";":
                function.blocks[block_of_label(line)] = number
                if number == function.start + 1:  # the entry block has a name
                    self.first_line = self.entry_line = number + 1
                else:
                    leading = False

    def _definition(self, name: str | None) -> _Definition | None:
        """The instruction that defines a value; None for arguments, and for none."""
        if name is None:
            return None
        known = self._definitions.get(name)
        if known is None:
            number = self._defined_at.get(name)
            match = _DEFINITION.match(self._lines[number]) if number is not None else None
            if number is None or match is None:
                return None
            known = self._definitions[name] = _Definition(number, match.group(2), match.group(3))
        return known

    def line_of(self, name: str) -> int | None:
        """Where the value is defined; None for arguments."""
        return self._defined_at.get(name)

    def among(self, names: frozenset[str]) -> frozenset[str]:
        """Those of the names that an instruction of this function defines."""
        return frozenset(self._defined_at.keys() & names) if names else names

    def opcode_of(self, name: str) -> str:
        """Of the instruction that defines the value; "argument" for arguments."""
        definition = self._definition(name)
        return definition.opcode if definition else "argument"

    def merge(self, name: str) -> Merge:
        """pre: origin() said "merge" and this name, or the name came from such a merge's inputs."""
        merge = self._merge_of(name)
        assert merge is not None
        return merge

    def origin(self, value: str | None) -> Origin:
        """None stands for a constant."""
        if value is None:
            return RAW
        known = self._origins.get(value)
        if known is None:
            known = self._origins[value] = self._find(value)
        return known

    def vector_is_raw(self, value: str | None) -> bool:
        """A vector of pointers: is each computed from a raw one? None stands for a constant."""
        for _ in range(_LARGEST_WEB):
            definition = self._definition(value)
            if value is None or definition is None:
                return value is None
            if definition.opcode != "getelementptr":
                return False
            scalar = _BASE.search(definition.rest)
            if scalar:
                return self.origin(scalar.group(1)).kind == "raw"
            vector = _VECTOR_BASE.search(definition.rest)
            value = vector.group(1) if vector else None
        return False

    def _find(self, value: str) -> Origin:
        base = self._strip(value)
        if base is None or self._is_raw(base):
            return RAW
        if self._merge_of(base) is None:
            return Origin("root", base)
        web = self._web_of(base)
        if web is None:
            return Origin("merge", base)
        roots, partial = web
        if not roots - {""}:
            return RAW
        if len(roots) == 1:
            root = next(iter(roots))
            # What comes from it alone is behind it; with inputs left out, only what is behind everything.
            if not partial or self._is_everywhere(root):
                return Origin("root", root)
        return Origin("merge", base)

    def _is_everywhere(self, root: str) -> bool:
        """Is it known in every block but the first?"""
        defined = self.line_of(root)
        return defined is None or defined < self._second_block

    def _web_of(self, merge_name: str) -> _Web | None:
        """All that reaches a merge: roots, "" for anything raw; is it a part? None: too large a web."""
        found: set[str] = set()
        partial = False
        seen, work = {merge_name}, [merge_name]
        while work:
            merge = self._merge_of(work.pop())
            assert merge is not None
            partial |= merge.partial
            for value, _ in merge.inputs:
                base = self._strip(value) if value else None
                if base is None or self._is_raw(base):
                    found.add("")
                elif base in self._webs:  # what reaches that one reaches this one
                    found |= self._webs[base][0]
                    partial |= self._webs[base][1]
                elif self._merge_of(base) is None:
                    found.add(base)
                elif base not in seen:
                    seen.add(base)
                    work.append(base)
            if len(seen) > _LARGEST_WEB:
                return None
        web = self._webs[merge_name] = frozenset(found), partial
        return web

    def _strip(self, value: str) -> str | None:
        """The value that pointer arithmetic started from; None for a constant.

        Every value on the way learns it too, so that long chains take linear time.
        """
        chain: list[str] = []
        current: str | None = value
        while current is not None and current not in self._bases and len(chain) < _LONGEST_CHAIN:
            before = self._before(current)
            if before == current:
                break
            chain.append(current)
            current = before
        base = self._bases.get(current, current) if current is not None else None
        for link in chain:
            self._bases[link] = base
        return base

    def _before(self, value: str) -> str | None:
        """One step back: None for a constant, the value itself when it starts a chain."""
        definition = self._definition(value)
        if definition is None:
            return value
        if definition.opcode == "getelementptr":
            base = next(found_in(_BASE, definition.rest), None)
            if base is not None and self._goes_elsewhere(definition.rest):
                return value
            return base[0] if base else None
        if definition.opcode == "addrspacecast":
            match = _FROM_FLAT.match(definition.rest)  # from another space: entries are asked of flat pointers
            return match.group(1) if match else value
        if definition.opcode in ("freeze", "bitcast"):
            match = _COPY.match(definition.rest)
            return match.group(1) if match else None if definition.rest.startswith(" ptr ") else value
        if definition.opcode == "call":
            return next((base for (base,) in found_in(_SAME, definition.rest)), value)
        return value

    def _goes_elsewhere(self, rest: str) -> bool:
        """Is it moved by the distance of two objects, p + (q - p)? Then it is where q is, and asked itself."""
        index = _INDEX.search(rest)
        for _ in range(_LONGEST_DISTANCE):
            definition = self._definition(index.group(1) if index else None)
            if definition is None:
                return False
            if definition.opcode == "sub":
                ends = [self._definition(name) for name in _OPERANDS.findall(definition.rest)]
                taken = [_TAKEN.match(end.rest) for end in ends if end is not None and end.opcode == "ptrtoint"]
                if len(taken) < 2 or self._distances >= _LONGEST_DISTANCE:
                    return False
                self._distances += 1
                try:
                    return len({self._strip(each.group(1)) if each else None for each in taken}) > 1
                finally:
                    self._distances -= 1
            if definition.opcode not in ("ashr", "sdiv", "shl", "mul"):
                return False
            index = _OPERANDS.search(definition.rest)
        return False

    def _is_raw(self, name: str) -> bool:
        definition = self._definition(name)
        if definition is None:
            return name in self._copies
        if definition.opcode == "alloca":
            return True
        if definition.opcode == "load":
            return self._lent.loads_raw(definition.rest)
        if definition.opcode in ("call", "invoke"):
            match = _CALLEE.search(blanked(definition.rest))  # a quoted name is none of these
            return match is not None and match.group(1) in OWN_MEMORY
        return False

    def _merge_of(self, name: str) -> Merge | None:
        definition = self._definition(name)
        if definition is None or definition.opcode not in ("phi", "select"):
            return None
        if definition.merge is None:
            definition.merge = self._read_merge(name, definition)
        return definition.merge

    def _read_merge(self, name: str, definition: _Definition) -> Merge | None:
        if definition.opcode == "phi":
            if not definition.rest.startswith(" ptr ["):
                return None
            found = list(found_in(_PHI, definition.rest))
            inputs = tuple((argument_value(value), block) for value, block in found if value not in _NOWHERE)
            return Merge(name, definition.line, "phi", inputs, partial=len(inputs) < len(found))
        match = groups_of(_SELECT, definition.rest)
        if match is None:
            return None
        sides = tuple((argument_value(side), "") for side in match[1:] if side not in _NOWHERE)
        return Merge(name, definition.line, "select", sides, match[0], len(sides) < len(match) - 1)
