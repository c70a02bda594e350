"""`--explain FUNCTION`: the source, the IR before and after, and why each access is what it is.

Invariant: it tells what was done, by the edits of the passes themselves; only the words
for *why* ask the analysis again, on the same lines.
"""

from __future__ import annotations

import re
from pathlib import Path

from llvm_pass.analysis.roots import Roots
from llvm_pass.ir.metadata import Metadata, Place
from llvm_pass.ir.module import Function, Module
from llvm_pass.ir.syntax import LOCAL, bare, metadata_of
from llvm_pass.passes.base import Context, subprogram
from llvm_pass.passes.loop_versions import RAW
from llvm_pass.policy.read import nearest

_LONGEST_TRAIL = 64
_POINTER = re.compile(rf"ptr(?: addrspace\(\d+\))? ({LOCAL}|@[\w.$]+|null)")
_BASE = re.compile(rf"getelementptr .*?, ptr(?: addrspace\(\d+\))? ({LOCAL}|@[\w.$]+)")
_CALLEE = re.compile(r"@([\w.$]+)\(")
_ACCESS = re.compile(r"^  (?:%\S+ = )?(?:load|store|atomicrmw|cmpxchg|va_arg)\b")
_DEBUG = re.compile(r", !\w[\w.]* !\d+")
_FILE = re.compile(r'!DIFile\(filename: "([^"]*)", directory: "([^"]*)"')
_ADDED = (".foreign", ".listed")  # where bodies go


class Explanation:
    """Collects, as an observer of the passes, what becomes of one function."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._parts: list[str] = []
        self._names: list[str] = []

    def observe(self, context: Context) -> None:
        """Looks at one pass's edits."""
        function = self._find(context.module)
        if function is None:
            return
        if not self._parts:
            self._begin(context.module, function)
        said = self._edits(context, function)
        own = [r for r in context.remarks if r.function in (self._name, self._name + _ADDED[0])]
        said += [f"  {remark.kind}: {remark.reason}" for remark in own if not remark.place]
        if said:
            self._parts += ["", f"pass {context.pass_name}", *said]

    def text(self, after: str) -> str | None:
        """The whole explanation, given the rewritten module's text; None when there is no such function."""
        if not self._parts:
            return None
        module = Module(after)
        parts = list(self._parts)
        for function in module.functions:
            if bare(function.name) in (self._name, *(self._name + suffix for suffix in _ADDED)):
                parts += ["", "IR after", *_instructions(module, function)]
        return "\n".join(parts) + "\n"

    def missing(self) -> str:
        """Why there is none, with the nearest name."""
        return f"no function '{self._name}' is defined; {nearest(self._name, self._names[:10])}"

    def _find(self, module: Module) -> Function | None:
        found = None
        for function in module.functions:
            if bare(function.name) == self._name:
                found = function
        if found is None and not self._parts:
            self._names = self._names or [bare(function.name) for function in module.functions if not function.helper]
        return found

    def _begin(self, module: Module, function: Function) -> None:
        self._parts = [f"function {self._name}"]
        source = _source(module, function)
        if source:
            self._parts += ["", *source]
        self._parts += ["", "IR before", *_instructions(module, function)]

    def _edits(self, context: Context, function: Function) -> list[str]:
        edits, lines = context.edits, context.module.lines
        replaced = dict(edits.replaced(function.start, function.end))
        checks = context.pass_name == "pseudo-pointers"
        roots = context.roots(function) if checks else None
        missed = {r.place: r for r in context.remarks if r.kind == "Missed" and r.place and r.function == self._name}
        said: list[str] = []
        for number in range(function.start, function.end):
            before, behind = edits.around(number)
            left = roots is not None and number not in replaced and _ACCESS.match(lines[number]) is not None
            if not (before or behind or number in replaced or left):
                continue
            if " = phi " in lines[number] and not (before or behind):
                continue  # it names another block now
            place = context.module.metadata.place(metadata_of(lines[number]).get("dbg"))
            where = f"{place.file}:{place.line}: " if place else ""
            at_start = lines[number].lstrip().startswith("#dbg_")
            said.append(f"  {where}{'(before the first instruction)' if at_start else _plain(lines[number])}")
            told = replaced.get(number)
            said += [f"    {told.note}:"] if told and told.note else []
            said += [f"    + {_plain(line)}" for line in (*before, *(told.lines if told else ()), *behind)]
            if roots is not None and (left or number in replaced):
                reason = missed[place].reason if place in missed else ""
                said.append(f"    why: {reason or _why(context, roots, number)}")
        return said


def _instructions(module: Module, function: Function) -> list[str]:
    """The function's lines, without records of the debugger's variables."""
    lines = module.lines[function.start : function.end + 1]
    return [line for line in lines if not line.lstrip().startswith("#dbg_")]


def _plain(line: str) -> str:
    return _DEBUG.sub("", line).strip()


def _why(context: Context, roots: Roots, number: int) -> str:
    """In words, where the pointer of an access comes from."""
    lines = context.module.lines
    if RAW in lines[number]:
        profile = ", or the profile says that it met no lent memory" if context.policy.profile else ""
        return f"in the loop for raw pointers, before which their tags were asked{profile}"
    if context.lent.spares(lines[number]):
        return "a member of a structure that the policy's structures do not name"
    pointers = _POINTER.findall(lines[number])
    if not pointers:
        return "it uses no pointer of this function"
    pointer = pointers[-1] if lines[number].lstrip().startswith("store") else pointers[0]
    shown, value = pointer, pointer
    for _ in range(_LONGEST_TRAIL):
        at = roots.line_of(value) if value.startswith("%") else None
        base = _BASE.search(lines[at]) if at is not None else None
        if base is None:
            break
        value = base.group(1)
    origin = roots.origin(pointer) if pointer.startswith("%") else None
    if origin is not None and origin.kind == "root":
        value = origin.name  # also behind phis and selects
    via = f"{shown} is computed from {value}, " if value != shown else f"{shown} is "
    what = _what(roots, lines, value)
    if origin is not None and origin.kind == "raw" and roots.opcode_of(value) == "load":
        return f"{via}{what}, typed to point to a structure that the policy's structures do not name"
    if origin is None or origin.kind == "raw":
        return f"{via}{what}: C's own memory, never lent"
    return f"{via}{what}: may be a pseudo-pointer"


def _what(roots: Roots, lines: list[str], value: str) -> str:
    if not value.startswith("%"):
        return "a global" if value.startswith("@") else "a constant"
    opcode, at = roots.opcode_of(value), roots.line_of(value)
    line = lines[at] if at is not None else ""
    if opcode in ("call", "invoke"):
        callee = _CALLEE.search(line)
        return f"what {callee.group(1)} returned" if callee else "what an indirect call returned"
    words = {
        "argument": "an argument",
        "alloca": "a local variable",
        "load": "a pointer loaded from memory",
        "inttoptr": "an integer made into a pointer",
        "phi": "one of several pointers",
        "select": "one of two pointers",
    }
    return words.get(opcode, f"the result of {opcode}")


def _source(module: Module, function: Function) -> list[str]:
    """The function's source lines, numbered; empty without debug information or the file."""
    scope = subprogram(function)
    body = module.metadata.nodes.get(scope or "", "")
    first = re.search(r"\bline: (\d+)", body)
    if scope is None or first is None:
        return []
    dbg = (metadata_of(line).get("dbg") for line in module.lines[function.start : function.end])
    places = [place for location in dbg if (place := module.metadata.place(location))]
    name = _file_of(module.metadata, body) or (places[0].file if places else "")
    last = max((place.line for place in places if _same(place, name)), default=int(first.group(1)))
    path = _on_disk(module.metadata, name)
    if path is None:
        return [f"source {name}:{first.group(1)} (the file is not here)"]
    text = path.read_text(encoding="utf-8", errors="replace").splitlines()
    start, end = int(first.group(1)), min(last + 1, len(text))
    numbered = [f"{number:6} | {text[number - 1]}" for number in range(start, end + 1)]
    return [f"source {path}", *numbered]


def _same(place: Place, name: str) -> bool:
    return place.file == name


def _file_of(metadata: Metadata, body: str) -> str | None:
    match = re.search(r"\bfile: (!\d+)", body)
    file = _FILE.search(metadata.nodes.get(match.group(1), "")) if match else None
    return file.group(1) if file else None


def _on_disk(metadata: Metadata, name: str) -> Path | None:
    folders = {
        found.group(2) for node in metadata.nodes.values() if (found := _FILE.search(node)) and found.group(1) == name
    }
    for path in (Path(name), *(Path(folder) / name for folder in sorted(folders))):
        try:
            if path.is_file():
                return path
        except (OSError, ValueError):
            continue
    return None
