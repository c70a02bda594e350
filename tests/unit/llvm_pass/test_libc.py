"""Calls of the C library on lent memory: each row of the table runs, right and wrong.

A host (libc_calls/src) calls what libc_cases.py generates from the table, rewritten, and
compares with the same source as plain clang compiles it.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from llvm_pass import abi
from llvm_pass.driver.clang import find_clang
from llvm_pass.errors import UsageError
from llvm_pass.libc.table import builtin, parse
from llvm_pass.pipeline import Options, Result, rewrite
from llvm_pass.policy import PolicyError
from llvm_pass.policy.read import load
from tests import compiled
from tests.conftest import Run
from tests.unit.llvm_pass import libc_cases

_HOST = Path(__file__).parent / "libc_calls"
_COPY = load(b'on-unrewritten-call = "copy"', "galeed.toml")
_FLAGS = ("-O1", "-g", "-fno-builtin", "-w", "-D_GNU_SOURCE", "-D__NO_INLINE__", "-U_FORTIFY_SOURCE")


@pytest.fixture(scope="session")
def program() -> Path:
    if shutil.which("cargo") is None:
        pytest.skip("cargo is not in PATH")
    clang = tuple(find_clang().command)
    source = libc_cases.source()

    def make(to: Path) -> None:
        (to / "cases.c").write_text(source)
        objects: list[Path] = []
        for path, rewritten in (
            (to / "cases.c", True),
            (to / "cases.c", False),
            (_HOST / "by_hand.c", True),
            (_HOST / "outside.c", False),
        ):
            bitcode = to / f"{path.stem}{len(objects)}.bc"
            flags = [*_FLAGS, *([] if rewritten else ["-DPLAIN"]), "-I", str(_HOST)]
            compiled.build([*clang, *flags, "-c", "-emit-llvm", path, "-o", bitcode])
            if rewritten:
                bitcode.write_bytes(rewrite(bitcode.read_bytes(), Options(policy=_COPY)).bitcode)
            objects.append(bitcode.with_suffix(".o"))
            compiled.build([*clang, "-O1", "-g", "-c", bitcode, "-o", objects[-1]])
        target = compiled.KEPT / "execution-target"
        changes = {"CALLS_OBJECTS": ":".join(map(str, objects)), "CARGO_TARGET_DIR": str(target)}
        compiled.build(["cargo", "build", "--quiet", "--manifest-path", _HOST / "Cargo.toml"], changes)
        shutil.copy(target / "debug" / "libc-calls", to)

    versions = [compiled.version(clang), compiled.version(("rustc",))]
    words = [source, *_FLAGS, *versions]
    return compiled.kept("libc-calls", [*compiled.RUST, _HOST], words, make) / "libc-calls"


@pytest.mark.slow
def test_every_function(program: Path, run: Run, backend: str, tmp_path: Path) -> None:
    outcome = run([program], timeout_seconds=300, cwd=tmp_path)
    assert outcome.code == 0, f"{backend}: {outcome}"
    found = re.search(r"all (\d+) functions as they should be", outcome.stdout)
    assert found, outcome
    assert int(found.group(1)) == len(list(libc_cases.cases()))


def test_few_rows_are_not_run() -> None:
    """Skipped ones, those without memory, and those of another C library."""
    run = {name for name, _ in libc_cases.cases()}
    assert len(run) > len([name for name in builtin() if not name.startswith("_Z")]) * 3 // 4
    assert {"strlen", "snprintf", "vsnprintf", "read", "fwrite", "strtol", "qsort"} <= run


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("strlen", "must be a table"),
        ({"argument": []}, "has no key 'argument'"),
        ({}, "needs either"),
        ({"arguments": ["-"], "refused": "why"}, "needs either"),
        ({"arguments": "-"}, "list of words"),
        ({"arguments": ["reads(#0)"]}, "'reads(#0)' is no access"),
        ({"arguments": ["in(#1)"]}, "'#1' is no argument; write #0 to #0"),
        ({"arguments": ["in(#0*#0*#0)"]}, "multiplies too much"),
        ({"arguments": ["found"]}, "takes 1 to 2"),
        ({"arguments": ["-"], "result": "#1"}, "'#1' is no argument"),
    ],
)
def test_a_wrong_row_is_refused(row: object, said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        parse({"f": row}, "galeed.toml")


_UNKNOWN = b"""
declare i64 @use(ptr, ptr, i32)
define i64 @f(ptr %p) {
  %own = alloca i64
  %n = call i64 @use(ptr %p, ptr %own, i32 4)
  ret i64 %n
}
"""


def _by(policy: str, source: bytes = _UNKNOWN) -> Result:
    return rewrite(source, Options(("checked-calls",), policy=load(policy.encode(), "galeed.toml")))


def test_functions_without_a_row_go_by_the_policy() -> None:
    lent = _by("")
    assert "galeed_call_begin" not in lent.text
    assert [(remark.kind, remark.name, remark.function) for remark in lent.remarks] == [
        ("Analysis", "ExternalCall", "f")
    ]
    assert "galeed_call_begin" in _by('on-unrewritten-call = "copy"').text
    with pytest.raises(PolicyError, match=r"f may give a pseudo-pointer to use.*galeed.toml:1 refuses"):
        _by('on-unrewritten-call = "refuse"')
    known = _by('on-unrewritten-call = "refuse"\n[calls.use]\narguments = ["-", "-", "-"]')
    assert not known.remarks
    assert "galeed_call_begin" not in known.text


@pytest.mark.parametrize("name", [name for name, row in builtin().items() if any(u.word == "freed" for u in row.uses)])
def test_what_frees_is_asked_first(name: str) -> None:
    """In C and C++: a pointer that may be lent goes to the runtime, one of malloc's own need not."""
    numbers = len(builtin()[name].uses) - 1
    returns = "ptr" if name.startswith("realloc") else "void"
    parameters = ", ".join(["ptr", *["i64"] * numbers])
    lines = [
        f"declare {returns} @{name}({parameters})",
        "declare ptr @malloc(i64)",
        "define void @f(ptr %p) {",
        f"  {'%r = ' if returns == 'ptr' else ''}call {returns} @{name}({', '.join(['ptr %p', *['i64 8'] * numbers])})",
        "  ret void",
        "}",
    ]
    text = _by("", "\n".join(lines).encode()).text
    assert f"@galeed.shape.{name}" in text
    assert f"i8 {abi.EXTENT['freed']}," in text
    assert "galeed_call_begin" in text


def test_a_row_of_the_policy() -> None:
    made = _by('[calls.use]\narguments = ["out(#2)", "out(8)", "-"]\nresult = "#0"')
    assert "call of use is not checked: its type is not that of the table" in made.remarks[0].reason  # no pointer
    made = _by('[calls.use]\narguments = ["out(#2)", "out(8)", "-"]')
    assert "@galeed.shape.use.0" in made.text
    with pytest.raises(PolicyError, match=r"galeed.toml:1: calls.use: '#4' is no argument; write #0 to #0"):
        _by('[calls.use]\narguments = ["in(#4)"]')


def test_products_of_lengths() -> None:
    use = parse({"f": {"arguments": ["out(4*#1*#2)", "-", "-"]}}, "here")["f"].uses[0]
    assert (use.extent, use.writes, use.unit, use.first, use.second) == ("bytes", True, 4, 1, 2)
    assert abi.EXTENT["bytes"] == 1
