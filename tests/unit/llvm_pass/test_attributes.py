"""The table of attributes: whole, and obeyed."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest
from llvmlite import binding

from llvm_pass import abi
from llvm_pass.driver.clang import find_clang
from llvm_pass.ir import attribute_table as table
from llvm_pass.ir.attributes import without_function_lies, without_value_lies
from llvm_pass.pipeline import Options, rewrite
from tests import compiled
from tests.conftest import Run

# Older names that LLVM 22 reads no more, or prints otherwise.
_OLD = {"argmemonly", "inaccessiblememonly", "inaccessiblemem_or_argmemonly", "nocapture"}


def _kind(name: str) -> int:
    """LLVM's number of an attribute; 0: it has none of this name."""
    find = binding.ffi.lib.LLVMPY_GetEnumAttributeKindForName
    find.argtypes, find.restype = [ctypes.c_char_p, ctypes.c_size_t], ctypes.c_uint
    return int(find(name.encode(), len(name)))


def test_every_attribute_of_this_llvm_is_in_the_table() -> None:
    names = {claim.name for claim in (*table.FUNCTION, *table.VALUE)}
    numbers = {name: _kind(name) for name in names - _OLD}
    assert not [name for name, number in numbers.items() if number == 0]
    # LLVM numbers them from 1 on without gaps: a gap here is one that nobody thought about.
    assert sorted(numbers.values()) == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("claims", [table.FUNCTION, table.VALUE, table.METADATA])
def test_each_once_with_a_reason(claims: tuple[table.Claim, ...]) -> None:
    names = [claim.name for claim in claims]
    assert len(names) == len(set(names))
    assert all(claim.why and claim.verdict in (table.DROPPED, table.KEPT, table.BOUNDED) for claim in claims)


_WITH = {"memory": "(read, argmem: readwrite)", "captures": "(none)", "initializes": "((0, 8), (16, 24))"}
_WITH |= {"dereferenceable": "(8)", "dereferenceable_or_null": "(8)", "range": "(i32 0, 4)", "nofpclass": "(nan)"}
_WITH |= {"uwtable": "(sync)", "allocsize": "(0)", "vscale_range": "(1,2)", "byval": "(i64)", "sret": "(i64)"}


@pytest.mark.parametrize("claim", table.FUNCTION, ids=lambda claim: claim.name)
def test_function_attributes(claim: table.Claim) -> None:
    said = claim.name + _WITH.get(claim.name, "")
    group = f'attributes #0 = {{ cold {said} hot "memory"="memory(none)" }}'
    kept = 'attributes #0 = { cold hot "memory"="memory(none)" }'
    assert without_function_lies(group) == (kept if claim.verdict == table.DROPPED else group)


@pytest.mark.parametrize("claim", table.VALUE, ids=lambda claim: claim.name)
def test_value_attributes(claim: table.Claim) -> None:
    said = claim.name + _WITH.get(claim.name, "")
    said += {"align": " 4096", "byref": "(i64)", "elementtype": "(i64)"}.get(claim.name, "")
    line = f"  %r = call noundef ptr @readonly.readnone(ptr {said} noundef %p, i32 1) #3"
    kept = "  %r = call noundef ptr @readonly.readnone(ptr noundef %p, i32 1) #3"
    assert without_value_lies(line) == (kept if claim.verdict == table.DROPPED else line)


# A handle of memory that is aligned to two pages, when its allocation began a page before.
_HANDLE = (abi.TAG << abi.TAG_SHIFT) | 0x41000
_STEP = """
target triple = "x86_64-unknown-linux-gnu"
declare void @llvm.assume(i1)
define i64 @by_parameter(ptr align 8192 %p) {
  %bits = ptrtoint ptr %p to i64
  %behind = add i64 %bits, 4096
  ret i64 %behind
}
define i64 @by_assumption(ptr %p) {
  call void @llvm.assume(i1 true) [ "align"(ptr %p, i64 8192) ]
  %bits = ptrtoint ptr %p to i64
  %behind = add i64 %bits, 4096
  ret i64 %behind
}
"""
_CALLER = """
#include <stdio.h>
unsigned long by_parameter(void *p), by_assumption(void *p);
int main(void) { printf("%%lx %%lx\\n", by_parameter((void *)%dUL), by_assumption((void *)%dUL)); }
"""


def test_a_large_alignment_is_a_lie_that_miscompiles(tmp_path: Path, run: Run) -> None:
    """LLVM adds a page by setting a bit that is set already, when it believes the alignment."""
    (tmp_path / "before.ll").write_text(_STEP)
    (tmp_path / "after.ll").write_text(rewrite(_STEP.encode(), Options(passes=("attributes",))).text)
    (tmp_path / "main.c").write_text(_CALLER % (_HANDLE, _HANDLE))
    said = {}
    for name in ("before", "after"):
        words = ["-O2", "-w", tmp_path / f"{name}.ll", tmp_path / "main.c", "-o", tmp_path / name]
        compiled.build([*find_clang().command, *words])
        said[name] = run([tmp_path / name]).stdout
    assert said["after"] == f"{_HANDLE + 4096:x} {_HANDLE + 4096:x}\n"
    assert said["before"] == f"{_HANDLE:x} {_HANDLE:x}\n"  # without the drop: the same page again


_MAYBE = """
target triple = "x86_64-unknown-linux-gnu"
define i64 @maybe(ptr noalias readonly align 8 dereferenceable(8) %p, ptr %flags) {
  br label %loop
loop:
  %i = phi i64 [ 0, %0 ], [ %next, %on ]
  %sum = phi i64 [ 7, %0 ], [ %new, %on ]
  %at = getelementptr inbounds i8, ptr %flags, i64 %i
  %flag = load volatile i8, ptr %at, align 1
  %wanted = icmp ne i8 %flag, 0
  br i1 %wanted, label %yes, label %on
yes:
  %value = load i64, ptr %p, align 8
  %more = add i64 %sum, %value
  br label %on
on:
  %new = phi i64 [ %sum, %loop ], [ %more, %yes ]
  %next = add nuw nsw i64 %i, 1
  %again = icmp ult i64 %next, 100
  br i1 %again, label %loop, label %done
done:
  ret i64 %new
}
"""
_MAYBE_CALLER = """
#include <stdio.h>
unsigned long maybe(void *p, const char *flags);
static char flags[100];
int main(void) { printf("%%lu\\n", maybe((void *)%dUL, flags)); }
"""


def test_dereferenceable_is_a_lie_that_traps(tmp_path: Path, run: Run) -> None:
    """LLVM loads ahead of the question. (A load that the pass leaves: `attributes` runs alone.)"""
    (tmp_path / "before.ll").write_text(_MAYBE)
    (tmp_path / "after.ll").write_text(rewrite(_MAYBE.encode(), Options(passes=("attributes",))).text)
    (tmp_path / "main.c").write_text(_MAYBE_CALLER % _HANDLE)
    ended = {}
    for name in ("before", "after"):
        words = ["-O2", "-w", tmp_path / f"{name}.ll", tmp_path / "main.c", "-o", tmp_path / name]
        compiled.build([*find_clang().command, *words])
        ended[name] = run([tmp_path / name])
    assert (ended["after"].code, ended["after"].stdout) == (0, "7\n")
    assert ended["before"].code == -11  # without the drop
