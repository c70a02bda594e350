"""The gates of rewritten code: before each entry one that takes rights away and gives them back, and no way around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit.verify.proof import CALLBACK, ENTER, EXIT, HOST, THUNK, some, thunk_name
from llvm_pass.driver.cargo_entries import BODY

if TYPE_CHECKING:
    from audit.facts.binary.references import Reference
    from audit.facts.binary.symbols import Symbol
    from audit.verify.proof import Built, Proof

# Of what C++ units share: bodies and the gates that are called through vtables.
_INNER = (BODY, ".gate")
_JUMP_BYTES = 24  # of a body that is a jump, with or without a frame


def gates(built: Built, proof: Proof) -> None:
    """Each function of rewritten code that others can call is a gate before its body; open ones are entries of the policy."""
    code = built.functions
    opened, closed = [], []
    bad = len(proof.missing)
    for name, symbol in code.items():
        body = code.get(name + BODY)
        # A static function is no entry, unless its address is used: then it has a gate.
        is_inside = symbol.binding == "local" and body is None
        if is_inside or not built.is_rewritten(symbol.address) or name.endswith(_INNER):
            continue
        if body is None or body.address == symbol.address:
            proof.missing.append(f"gates: {name} is rewritten code that others can call without a gate")
        elif name + HOST not in code:
            closed.append(name)
        else:
            opened.append(name)
            if not built.policy.is_entry(name, taken=symbol.binding == "local"):
                proof.missing.append(f"gates: {name} has a gate, and is no entry by {built.policy.where('entries')}")
    _displaced(built, proof)
    _halves(built, opened, proof)
    if opened:
        proof.seen.append(f"{len(opened)} foreign entries, each behind a gate: {some(sorted(opened))}")
    elif len(proof.missing) == bad:
        proof.seen.append("no foreign entry of rewritten code")
    if closed:
        proof.seen.append(f"{len(closed)} functions are closed to the host: {some(sorted(closed))}")


def _displaced(built: Built, proof: Proof) -> None:
    """Another definition won the name of a gate. A body that only jumps to it is none: so C calls what was not rewritten."""
    for name in built.displaced:
        body = built.functions[name + BODY]
        if body.bytes > _JUMP_BYTES or not _inside(body, built.found[name]):
            proof.missing.append(f"gates: {name} is another function than the gate of its rewritten body")


def _halves(built: Built, opened: list[str], proof: Proof) -> None:
    """The host's half takes the rights away before the body and gives them back behind it."""
    for name in opened:
        half = built.functions[name + HOST]
        lacks = [each for each in (ENTER, EXIT) if not _inside(half, built.found[each])]
        if lacks:
            proof.missing.append(f"gates: {name}'s gate does not call {' nor '.join(lacks)}")


def _inside(function: Symbol, references: list[Reference]) -> bool:
    return any(function.address <= each.address < function.address + function.bytes for each in references)


def callbacks(built: Built, proof: Proof) -> None:
    """Only functions that the policy names may lead to the host, each through a gate."""
    callers: set[str] = set()
    work = [CALLBACK]
    done: set[str] = set()
    while work:
        for each in built.found[work.pop()]:
            owner = built.owners.of(each.address)
            if owner is None or not built.is_rewritten(each.address):
                continue
            if not owner.name.startswith(THUNK):
                callers.add(owner.name.removesuffix(BODY))
            elif thunk_name(owner) not in done:
                done.add(thunk_name(owner))
                work.append(thunk_name(owner))
    refused = sorted(each for each in callers if not built.policy.allows("callbacks", each))
    for name in refused:
        proof.missing.append(f"callbacks: {name} may call the host, and is none by {built.policy.where('callbacks')}")
    if callers and not refused:
        proof.seen.append(f"{len(callers)} functions may call the host back, through gates: {some(sorted(callers))}")
