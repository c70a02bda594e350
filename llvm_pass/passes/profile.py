"""Pass `profile`: which accesses met lent memory in runs before, and which are asked at all.

Policy key `profile`: "learn", or a file that programs built so have written
(GALEED_PROFILE). Learning, each access that may meet a handle gets a number; its served form notes it
in a table of the unit, which goes to the file at exit. Used, accesses that never met one are
marked raw: no test is made for them. When one of them does meet a handle it traps, and is
served or refused as GALEED_ON_TRAP says: a profile decides speed and size, never safety.

A unit is known by its source's name and what its functions say, so that a profile of other code
is not used: everything stays asked, and a remark says so. Loops are not made in two versions
while learning, since the copy for lent pointers would not note what it meets.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path

from llvm_pass.analysis.roots import Roots
from llvm_pass.ir.module import Module
from llvm_pass.ir.syntax import LOCAL
from llvm_pass.passes.base import Context
from llvm_pass.passes.loop_versions import RAW
from llvm_pass.policy.read import LEARN, PolicyError, nearest
from llvm_pass.runtime.helpers import Helpers

SITE = "galeed.site"
HITS = "@galeed.hits"
_ACCESS = re.compile(rf"^  (?:{LOCAL} = (?:load|atomicrmw|cmpxchg) |store ).*?ptr ({LOCAL})(?=, )")
_LAST = re.compile(rf", ptr ({LOCAL})(?=(?: [a-z_ ]+)?, align)")
_BLOCK = re.compile(r"^  (?:tail )?call void @llvm\.mem(?:cpy|move|set)\.p0")
_POINTER = re.compile(rf"ptr [^,()]*?({LOCAL})(?=[,)])")
_SOURCE = re.compile(r'^source_filename = "(.*)"$')
_ENDS = re.compile(r"^(@llvm\.global_dtors = .*\[)(\d+)( x \{ i32, ptr, ptr \}\] \[)(.*)(\].*)$")


def run(context: Context) -> None:
    """Does nothing without the policy's key."""
    wanted = context.policy.word("profile")
    if wanted is None:
        return
    unit = unit_of(context.module, context.policy.names("structures") or ())
    sites = [(function, number) for function in context.module.functions if not function.helper
             for number in _sites(context, context.roots(function))]  # fmt: skip
    if wanted == LEARN:
        _learn(context, unit, [number for _, number in sites])
        return
    if not sites:
        return
    assert context.policy.profile is not None
    known = read_profile(context.policy.profile, context.policy.where("profile"))
    hits = known.get(unit)
    if hits is None or hits[0] != len(sites):
        context.missed(
            "NoProfile", f"{wanted} says nothing of this code as it is now: every access is asked, none traps"
        )
        return
    raw = context.module.metadata.node("!{}")
    for site, (_, number) in enumerate(sites):
        if site not in hits[1]:
            context.edits.replace(number, f"{context.module.lines[number]}, !{RAW} {raw}")
            context.stats["accesses not asked"] += 1
    context.stats["accesses asked"] += len(hits[1])


def unit_of(module: Module, structures: Iterable[str] = ()) -> str:
    """A name for the code: its source file's, and a digest of its functions and of what the policy spares in them."""
    source = next((match.group(1) for line in module.lines[:8] if (match := _SOURCE.match(line))), "")
    digest = hashlib.sha256(" ".join(structures).encode())
    for function in module.functions:
        digest.update("\n".join(module.lines[function.start : function.end]).encode())
    return f"{re.sub(r'[^A-Za-z0-9_.+-]', '_', source.rsplit('/', 1)[-1])}:{digest.hexdigest()[:24]}"


def _sites(context: Context, roots: Roots) -> list[int]:
    """The lines of a function that have a number, in order."""
    found = []
    for number, _ in roots.accesses:
        line = context.module.lines[number]
        if context.lent.spares(line):
            continue
        if _BLOCK.match(line):
            pointers = _POINTER.findall(line)
        else:
            match = (
                _LAST.search(line) if line.startswith("  store ") or " = load " in line else None
            ) or _ACCESS.match(line)
            pointers = [match.group(1)] if match else []
        if any(roots.origin(pointer).kind != "raw" for pointer in pointers):
            found.append(number)
    return found


def _learn(context: Context, unit: str, sites: list[int]) -> None:
    edits, module = context.edits, context.module
    if not sites:
        return
    for site, number in enumerate(sites):
        edits.replace(number, f"{module.lines[number]}, !{SITE} {module.metadata.node(f'!{{i32 {site}}}')}")
    helpers = Helpers(edits, module.metadata)
    edits.declare(HITS, f"{HITS} = internal global [{len(sites)} x i8] zeroinitializer, align 1")
    name = helpers.constant("unit", unit)
    edits.define(
        "@galeed.learned",
        'define internal void @galeed.learned() section "galeed_text" {\n'
        f"  call {helpers.runtime('galeed_profile_unit')}(ptr {name}, ptr {HITS}, i64 {len(sites)})\n"
        "  ret void\n}",
    )
    row = "{ i32, ptr, ptr } { i32 65535, ptr @galeed.learned, ptr null }"
    ends = next(
        ((n, match) for n, line in module.globals_named("@llvm.global_dtors") if (match := _ENDS.match(line))), None
    )
    if ends is None:
        edits.declare("@llvm.global_dtors", f"@llvm.global_dtors = appending global [1 x {{ i32, ptr, ptr }}] [{row}]")
    else:
        number, match = ends
        head, count, kind, rows, tail = match.groups()
        edits.replace(number, f"{head}{int(count) + 1}{kind}{rows}, {row}{tail}")
    context.stats["accesses numbered"] += len(sites)


def read_profile(path: Path, where: str) -> dict[str, tuple[int, frozenset[int]]]:
    """{unit: (number of accesses, those that met a handle)}. Raises PolicyError.

    The file's other lines, of served traps, are none of ours. A unit that was linked into several
    programs, or ran in several, has all their hits.
    """
    if path.exists() and not path.is_file():
        raise PolicyError(f"{where}: {path}: no ordinary file")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        advice = f"; did you mean '{LEARN}'?" if path.name and nearest(path.name, [LEARN]).startswith("did") else ""
        raise PolicyError(f"{where}: {path}: {reason}{advice}") from error
    found: dict[str, tuple[int, set[int]]] = {}
    for number, line in enumerate(lines, 1):
        try:
            row = dict(json.loads(line))
            if "unit" not in row:
                continue
            unit, count, hits = str(row["unit"]), int(row["sites"]), {int(site) for site in row["hit"]}
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise PolicyError(f"{where}: {path}:{number}: no line of a profile") from error
        before = found.get(unit)
        if before is not None and before[0] != count:
            raise PolicyError(f"{where}: {path}:{number}: {unit} has {count} accesses here, {before[0]} before")
        found[unit] = count, hits | (before[1] if before else set())
    return {unit: (count, frozenset(hits)) for unit, (count, hits) in found.items()}
