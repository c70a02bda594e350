"""What print<boundary> says, for people and for programs. The same input gives the same text."""

from __future__ import annotations

from collections import Counter
from typing import Any

from llvm_pass.analysis.boundary import Access, Boundary, Chain, Step
from llvm_pass.ir.metadata import Place
from llvm_pass.opt.report import printable

_ENTRY = {
    "visible": "which the host may call by name",
    "address taken": "whose address is taken",
    "internal": "called in this module only",
    "closed": "which the policy's entries close to the host",
}
_RAW = {
    "local": "a local variable",
    "global": "a global",
    "constant": "a constant address",
    "allocation": "fresh memory",
    "copy": "an argument passed as a copy",
    "computed": "only raw pointers",
    "unlent": "structures that the policy says are not lent",
}
_OPCODES = frozenset(("load", "store", "atomicrmw", "cmpxchg", "va_arg"))


def text(found: list[Boundary]) -> str:
    """A paragraph a function, one line a pointer, as LLVM's print<> passes head theirs."""
    return "".join(f"{line}\n" for each in found for line in _function(each))


def _function(found: Boundary) -> list[str]:
    where = f" ({_place(found.place)})" if found.place else ""
    lines = [f"Printing analysis 'boundary' for function '{printable(found.name)}'{where}, {_ENTRY[found.entry]}:"]
    groups = (("pseudo", found.pointers), ("callback", found.callbacks), ("result", found.results))
    for label, chains in groups:
        for chain, accesses in chains.items():
            closed = ", but traps by the policy's callbacks" if label == "callback" and not found.callbacks_open else ""
            lines.append(f"  {label:8} {printable(_chain(chain))}: {_done(accesses, label)}{closed}")
    for (kind, name), accesses in found.raw.items():
        what = _RAW[kind] + (f" '{name}'" if name and kind != "allocation" else f" of {name}" if name else "")
        lines.append(f"  raw      {printable(what)}: {_done(accesses, 'raw')}")
    return lines


def _chain(chain: Chain) -> str:
    return " -> ".join(map(_step, chain))


def _step(step: Step) -> str:
    others = f" (or {step.others} other{'s' if step.others > 1 else ''})" if step.others else ""
    return _named(step) + others


def _named(step: Step) -> str:
    name = f" '{step.name}'" if step.name else ""
    if step.kind == "argument":
        return f"argument {step.index}{name}"
    if step.field is not None:
        field = step.field
        where = f" at offset {field.offset}" if field.offset is not None else " at a computed offset"
        struct = f" of {field.struct}" if field.struct else ""
        return f"field '{field.name}'{struct}{where}" if field.name else f"{field.struct or 'memory'}{where}"
    words = {
        "result": f"what {step.name} returned",
        "callback": "what the call through it returned",
        "global": f"global{name}",
        "local": f"local{name}",
        "integer": "an integer made into a pointer",
    }
    return words.get(step.kind, step.name)


def _done(accesses: list[Access], label: str) -> str:
    """ "2 loads, passed to f (a.c:3, 4)"."""
    if not accesses:
        return "not accessed"
    counts = Counter(access.what for access in accesses)
    said = []
    for what, count in counts.items():
        if label in ("callback", "result"):
            said.append({"callback": "called", "result": "returned"}[label] + (f" {count} times" if count > 1 else ""))
        elif what in _OPCODES:
            said.append(f"{count} {what}{'s' if count > 1 else ''}")
        elif what.startswith("llvm."):
            said.append(f"{what.split('.')[1]}{f' {count} times' if count > 1 else ''}")
        else:
            said.append(f"passed to {what}{f' {count} times' if count > 1 else ''}")
    if any(access.shared for access in accesses):
        said.append("some by one of several pointers")
    return printable(", ".join(said) + _lines(accesses))


def _lines(accesses: list[Access]) -> str:
    """ " (a.c:3, 4)": in the order of files and lines."""
    files: dict[str, set[int]] = {}
    for access in accesses:
        if access.place and access.place.line:
            files.setdefault(access.place.file, set()).add(access.place.line)
    said = [f"{file}:{', '.join(map(str, sorted(lines)))}" for file, lines in sorted(files.items())]
    return f" ({'; '.join(said)})" if said else ""


def _place(place: Place) -> str:
    return f"{place.file}:{place.line}"


def document(source: str, found: list[Boundary]) -> dict[str, Any]:
    """For --json. Keys that nothing is known for are null; lists are in the code's order."""
    return {"input": source, "functions": [_object(each) for each in found]}


def _object(found: Boundary) -> dict[str, Any]:
    def groups(chains: dict[Chain, list[Access]]) -> list[dict[str, Any]]:
        return [
            {"chain": [_link(step) for step in chain], "accesses": [_access(each) for each in accesses]}
            for chain, accesses in chains.items()
        ]

    raw = [
        {"kind": kind, "name": name or None, "accesses": [_access(each) for each in accesses]}
        for (kind, name), accesses in found.raw.items()
    ]
    place = found.place
    return {
        "function": found.name,
        "file": place.file if place else None,
        "line": place.line if place else None,
        "entry": found.entry,
        "pseudo": groups(found.pointers),
        "callbacks-open": found.callbacks_open,
        "callbacks": groups(found.callbacks),
        "results": groups(found.results),
        "raw": raw,
    }


def _link(step: Step) -> dict[str, Any]:
    link: dict[str, Any] = {"kind": step.kind, "others": step.others}
    if step.field is not None:
        field = step.field
        return {**link, "struct": field.struct or None, "name": field.name or None, "offset": field.offset}
    if step.kind == "argument":
        link["index"] = step.index
    return {**link, "name": step.name or None}


def _access(access: Access) -> dict[str, Any]:
    place = access.place
    return {
        "what": access.what,
        "bytes": access.nbytes,
        "file": place.file if place else None,
        "line": place.line if place else None,
        "column": place.column if place else None,
        "one-of-several": access.shared,
    }
