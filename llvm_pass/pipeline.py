"""From a module to a rewritten module: read, each pass with a verification behind it, write.

Invariant: what comes out was verified by LLVM after the last edit, and bears a mark
that keeps it from being rewritten twice. Deterministic: same input, same output.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from llvm_pass.errors import AlreadyRewritten, GaleedError, PassFailed, UnreadableModule, UsageError
from llvm_pass.ir.edit import Edits
from llvm_pass.ir.module import MARK, Module
from llvm_pass.ir.reader import Llvm, LlvmRefused, read_module
from llvm_pass.ir.syntax import bare
from llvm_pass.passes import PASSES
from llvm_pass.passes.base import Context, Pass
from llvm_pass.policy import Policy, PolicyError
from llvm_pass.policy.keys import AT_START
from llvm_pass.policy.read import nearest
from llvm_pass.remarks import Remark

DEFAULT_PASSES = tuple(item.name for item in PASSES if item.by_default)


@dataclass(frozen=True, slots=True)
class Options:
    """passes: names in order; `attributes` is put in front when it is missing and any that edits is named.
    round_trip: after each pass also let LLVM print the module and compare our reading of it.
    changed: called with (pass name, new text) after each pass that changed something.
    inline: put the helpers where they are called, for a code generator that does not optimise.
    text: print the result too; LLVM takes as long over it as over reading.
    verify_each: let LLVM verify after each pass; else once, behind the last.
    observe: called with each pass's context when it has collected its edits, before they are made."""

    passes: tuple[str, ...] = DEFAULT_PASSES
    round_trip: bool = False
    changed: Callable[[str, str], None] | None = None
    policy: Policy = field(default_factory=Policy)
    inline: bool = False
    text: bool = True
    verify_each: bool = False
    observe: Callable[[Context], None] | None = None


@dataclass(slots=True)
class Result:
    """What came out. stats: "pass: what" -> count; seconds: "pass" or "LLVM" -> time."""

    bitcode: bytes
    text: str
    remarks: list[Remark] = field(default_factory=list)
    stats: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)
    lines: int = 0


def chosen(names: tuple[str, ...]) -> list[Pass]:
    """The passes of these names, `attributes` first. Raises UsageError for unknown ones, and an order that is none."""
    known = {item.name: item for item in PASSES}
    for name in names:
        if name not in known:
            raise UsageError(f"unknown pass '{name}'; {nearest(name, known)}")
    _refuse_order(names)
    rewriting = any(known[name].edits for name in names)
    first = ("attributes",) if rewriting and "attributes" not in names else ()
    return [known[name] for name in (*first, *names)]


def _refuse_order(names: tuple[str, ...]) -> None:
    """Each pass stands on what those before it made; in another order the result would only look rewritten."""
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"pass '{twice}' is named twice")
    ours = [name for name in names if name in DEFAULT_PASSES]
    if ours != sorted(ours, key=DEFAULT_PASSES.index):
        raise UsageError(f"passes go in this order: {', '.join(DEFAULT_PASSES)}")
    if "lend-everything" in names and ours and names.index("lend-everything") > names.index(ours[0]):
        raise UsageError("pass 'lend-everything' goes in front of all others")
    if "lend-calls" in names and set(ours) - {"attributes"}:
        raise UsageError("pass 'lend-calls' is for the host's modules, the others are for what it calls; name it alone")


def served() -> set[str]:
    """The keys of a policy that somebody obeys: a pass, whoever chooses passes, `cargo galeed`."""
    return {"passes", *AT_START, *(key for item in PASSES for key in item.serves)}


def passes_of(policy: Policy) -> tuple[str, ...]:
    """The passes that a policy wants, or the default ones. Raises PolicyError for what cannot be obeyed."""
    policy.refuse_unserved(served())
    names = policy.names("passes")
    if names is None:
        return DEFAULT_PASSES
    try:
        chosen(names)
    except UsageError as error:
        raise PolicyError(f"{policy.where('passes')}: {error}") from error
    return names


def rewrite(data: bytes, options: Options | None = None) -> Result:
    """Rewrites bitcode or text. Raises UnreadableModule, AlreadyRewritten, PassFailed, UsageError.

    LLVM verifies the result once, which costs most of the time here; when it refuses, the passes run
    again with a verification behind each, so that the error names the one that failed.
    """
    options = options or Options()
    try:
        return _rewritten(data, options)
    except PassFailed:
        if options.verify_each or options.round_trip:
            raise
        return _rewritten(data, replace(options, verify_each=True))


def _rewritten(data: bytes, options: Options) -> Result:
    passes = chosen(options.passes)
    # What only instruments have changed is like a compiler's output: to be rewritten yet.
    marks = any(item.by_default for item in passes if item.name in options.passes)
    result = Result(b"", "")
    with Llvm() as llvm:
        with _Clock(result, "LLVM"):
            text = read_module(llvm, data)
            if any(item.closed_loops for item in passes):
                text = _closed(llvm, text)
        with _Clock(result, "line model"):
            module = Module(text)
        result.lines = len(module.lines)
        if passes:
            _refuse_unfit(module)
        for number, item in enumerate(passes):
            last = number == len(passes) - 1
            module = _run(item, module, llvm, options, result, _mark(passes) if last and marks else None)
        if passes and not (options.verify_each or options.round_trip):
            _verify("the last", module, llvm, result)
        if options.inline:
            with _Clock(result, "LLVM"):
                llvm.inline()
        with _Clock(result, "LLVM"):
            result.text = llvm.text() if options.text else ""
            result.bitcode = llvm.bitcode()
    return result


def _closed(llvm: Llvm, text: str) -> str:
    """The text with its loops closed; the same text when there is nothing to rewrite in it."""
    if "define " not in text:
        return text
    try:
        llvm.close_loops()
        return llvm.text()
    except LlvmRefused as error:
        raise UnreadableModule(f"LLVM cannot simplify the loops of this module ({error})") from error


def _refuse_unfit(module: Module) -> None:
    applied, target = module.passes_applied(), module.target()
    if set(DEFAULT_PASSES) <= set(applied):
        raise AlreadyRewritten("this module has been through the passes already; rewrite what the compiler made")
    if applied:
        raise UsageError(
            f"this module has been through some of the passes only ({', '.join(applied)}), and is not safe to use; "
            "rewrite what the compiler made"
        )
    if target and not re.match(r"x86_64-[^-]*-?linux", target):
        raise UnreadableModule(f"this module is for {target}; only x86-64 Linux is supported")


def _run(item: Pass, module: Module, llvm: Llvm, options: Options, result: Result, mark: str | None) -> Module:
    with _Clock(result, item.name):
        edits = Edits(module, "v" if item.closed_loops else "")
        context = Context(item.name, module, edits, policy=options.policy)
        try:
            item.run(context)
        except GaleedError:
            raise
        except Exception as error:  # a bug of a pass must name its place, not show a traceback
            function = bare(context.function.name) if context.function else None
            line = context.line + 1 if context.line is not None else None
            raise PassFailed(item.name, f"{type(error).__name__}: {error}", function, line) from error
        if options.observe:
            options.observe(context)
        result.remarks += context.remarks
        result.stats.update({f"{item.name}: {what}": count for what, count in context.stats.items()})
        if mark is not None:
            edits.append(f"!{MARK} = !{{{module.metadata.node(mark)}}}")
        if not edits:
            return module
        module = Module(edits.lines())
    if options.verify_each or options.round_trip:
        _verify(item.name, module, llvm, result)
    if options.round_trip:
        text = llvm.text()
        if str(Module(text)) != text:
            raise PassFailed(item.name, "the line model does not print what it read")
    if options.changed:
        options.changed(item.name, str(module))
    return module


def _verify(name: str, module: Module, llvm: Llvm, result: Result) -> None:
    with _Clock(result, "LLVM"):
        try:
            llvm.read(str(module).encode(), "text")
        except LlvmRefused as error:
            raise PassFailed(name, f"the result does not verify: {error}", *_blamed(module, str(error))) from error


def _blamed(module: Module, error: str) -> tuple[str | None, int | None]:
    """Function and line that LLVM's message points to, as well as it says."""
    parts = error.split(":")
    number = next((int(part) for part in parts if part.strip().isdigit()), None)
    if number is None:
        return None, None
    owner = next((f for f in module.functions if f.start < number <= f.end + 1), None)
    return bare(owner.name) if owner else None, number


def _mark(passes: list[Pass]) -> str:
    """The node that says which passes a module has been through."""
    names = ", ".join(f'!"{item.name}"' for item in passes if item.by_default)
    return f"!{{{names}}}"


class _Clock:
    """Adds the time inside a with block to the result."""

    def __init__(self, result: Result, what: str) -> None:
        self._result, self._what = result, what

    def __enter__(self) -> None:
        self._start = time.perf_counter()

    def __exit__(self, *_: object) -> None:

        spent = time.perf_counter() - self._start
        self._result.seconds[self._what] = self._result.seconds.get(self._what, 0.0) + spent
