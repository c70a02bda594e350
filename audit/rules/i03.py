"""I03: What was given to C for good is never freed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from audit.facts.llvm.families import freed_family
from audit.facts.llvm.flow import Flow
from audit.model import Confidence, Rule, Severity
from audit.rules.places import given_away, of_call, of_function, readable
from llvm_pass.ir.syntax import LOCAL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit.facts.llvm.ir import Call, Function, Value
    from audit.facts.llvm.program import Program
    from audit.model import Finding
    from audit.subject import Subject

_PAGE = """\
`into_raw` gives memory away, and a C function gets the pointer; but that function only looks at it: LLVM proves of its
body that it neither frees the pointer nor keeps it anywhere. Nothing else in the Rust function has the pointer, so nobody can
ever free it. Reported where all of this is seen: the definition in C is here, and the pointer is not stored, returned,
passed to other code or taken back.

**What to do.** Lend it: keep the owner in a variable and pass `as_ptr()`; or take it back with `from_raw` after the call.

**Source.** zmq's `z85_decode`, found by FFIChecker; CWE-401.
"""

_WORD = re.compile(LOCAL)
# What does not let a pointer out: reads, comparisons, writes to where it points.
_HARMLESS = re.compile(r"  (?:%\S+ = (?:load|icmp|getelementptr|phi|select|freeze|bitcast) |#dbg_|  #dbg_)")
_TESTS = re.compile(r"4core3ptr\S*7is_null")  # casts its argument to an integer, so that LLVM cannot tell
_STORE_TO = re.compile(r"  store (?:volatile |atomic )*(?P<value>.*), ptr %")


def _check(rule: Rule, subject: Subject) -> Iterator[Finding]:
    program = subject.program
    for module in program.plain:
        if module.language != "rust":
            continue
        for function in module.defined:
            for given in function.calls:
                kind = given_away(given.callee) if given.result else ""
                looking = _only_looked_at(program, function, given) if kind else None
                if looking is None:
                    continue
                callee = program.foreign(looking.callee)
                seen = [of_call(function, given, f"a {kind} is given away")]
                seen.append(of_call(function, looking, f"{looking.callee} gets it"))
                if callee is not None:
                    seen.append(of_function(callee, "neither frees nor keeps it"))
                name = readable(function.name)
                yield rule.finding(
                    f"{name} gives a {kind} away to {looking.callee}, which only looks at it: nobody frees it",
                    f"{name}:{looking.callee}", *seen,
                )  # fmt: skip


def _only_looked_at(program: Program, function: Function, given: Call) -> Call | None:
    """The last call of C that gets it, where no code can free it any more."""
    flow, looking = Flow(function, given.result or ""), None
    calls = {call.line: call for call in function.calls}
    for number, line in enumerate(function.body):
        if number == given.line or not any(word in flow for word in _WORD.findall(line)):
            continue
        call = calls.get(number)
        if call is None:
            stored = _STORE_TO.match(line)
            into_it = stored is not None and not any(word in flow for word in _WORD.findall(stored["value"]))
            if not into_it and not _HARMLESS.match(line):
                return None
        elif not all(
            _stays(program, function, call, at, flow) for at, each in enumerate(call.arguments) if each.value in flow
        ):
            return None
        elif _is_foreign(program, function, call):
            looking = call
    return looking


def _is_foreign(program: Program, function: Function, call: Call) -> bool:
    """C's own, or the C library's: not Rust's, and not what LLVM makes instructions of."""
    if program.foreign(call.callee) is not None:
        return True
    declared = function.module.functions.get(call.callee)
    return (
        declared is not None
        and not declared.is_defined
        and not call.callee.startswith(("llvm.", "_R", "_ZN", "__rust"))
    )


def _stays(program: Program, function: Function, call: Call, at: int, flow: Flow) -> bool:
    """Does a call let the pointer neither out nor free it? In doubt it does."""
    if _TESTS.search(call.callee):
        return True
    callee = program.callee(function, call.callee)
    known = callee or function.module.functions.get(call.callee)
    if known is None or at >= len(known.parameters):
        return False
    parameter = known.parameters[at]
    if callee is not None:
        return _is_lent(parameter, call, flow) and program.frees(callee, at) is None
    # Of a function that is not here LLVM knows what it does not keep; what it may free needs its word.
    safe = "nofree" in known.attributes or parameter.has("nofree") or call.callee.startswith("llvm.")
    return _is_lent(parameter, call, flow) and safe and freed_family(known, at) is None


def _is_lent(parameter: Value, call: Call, flow: Flow) -> bool:
    if parameter.has("returned") and call.result in flow.offsets:
        return True
    return any(each.startswith("captures(") and "provenance" not in each for each in parameter.attributes)


RULE = Rule(
    id="I03",
    title="What was given to C for good is never freed",
    severity=Severity.MEDIUM,
    confidence=Confidence.HIGH,
    cwe=401,
    page=_PAGE,
    check=_check,
)
