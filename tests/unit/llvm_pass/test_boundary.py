"""print<boundary>: what it finds in code as clang and rustc make it, and that it changes nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from llvm_pass.analysis.boundary import Boundary, boundaries
from llvm_pass.driver.clang import find_clang
from llvm_pass.ir.module import Module
from llvm_pass.ir.reader import Llvm, read_module
from llvm_pass.opt.boundary import document, text
from tests.conftest import ROOT

OPT = [sys.executable, "-m", "llvm_pass.cli"]
ONE = "define void @%s(ptr %%p) {\n  store i8 0, ptr %%p, align 1\n  ret void\n}\n"
STREAM = """
struct state { int mode; unsigned char *window; };
typedef struct { unsigned char *next_in; struct state *state; void *(*zalloc)(void *, unsigned); } stream;
typedef struct { int level; stream inner; } holder;
static holder global;
unsigned char *run(stream *s, holder *h, int n) {
  if (!s->state) s->state = s->zalloc(s, 64);
  s->state->window[n] = *h->inner.next_in;
  return global.inner.state->window;
}
"""


def found(source: bytes) -> list[Boundary]:
    with Llvm() as llvm:
        return boundaries(Module(read_module(llvm, source)))


def clang(tmp_path: Path, source: str, *flags: str) -> list[Boundary]:
    (tmp_path / "s.c").write_text(source)
    command = [*find_clang().command, *flags, "-emit-llvm", "-c", "s.c", "-o", "s.bc"]
    subprocess.run(command, cwd=tmp_path, check=True)
    return found((tmp_path / "s.bc").read_bytes())


def opt(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT), "GALEED_POLICY": ""}
    return subprocess.run(
        [*OPT, *map(str, words)], cwd=cwd, env=surroundings, capture_output=True, text=True, check=True, timeout=120
    )


@pytest.mark.parametrize("level", ["-O0", "-O1", "-O2"])
def test_fields_have_their_names_at_each_level(tmp_path: Path, level: str) -> None:
    said = text(clang(tmp_path, STREAM, level, "-g"))
    head = "Printing analysis 'boundary' for function 'run' (s.c:6), which the host may call by name:\n"
    assert said.startswith(head)
    for line in (
        "  pseudo   argument 0 's' -> field 'state' of stream at offset 8 -> field 'window' of state at offset 8: 1 store",
        "  pseudo   argument 1 'h' -> field 'inner.next_in' of holder at offset 8: 1 load",
        "  callback argument 0 's' -> field 'zalloc' of stream at offset 16: called",
    ):
        assert line in said.replace(" (or 1 other)", ""), said


def test_without_debug_information_tags_and_offsets_are_left(tmp_path: Path) -> None:
    said = text(clang(tmp_path, STREAM, "-O1"))
    assert "  pseudo   argument 0 -> memory at offset 8 -> state at offset 8: 1 store\n" in said, said
    assert "  callback argument 0 -> memory at offset 16: called\n" in said, said


@pytest.mark.skipif(shutil.which("rustc") is None, reason="Rust is not installed")
def test_rust(tmp_path: Path) -> None:
    (tmp_path / "r.rs").write_text(
        '#[repr(C)] pub struct Outer { pub list: *mut u8, pub call: extern "C" fn(*mut u8) -> u8 }\n'
        "#[unsafe(no_mangle)]\n"
        'pub unsafe extern "C" fn go(o: &mut Outer) -> u8 { unsafe { *o.list = 3; (o.call)(o.list) } }\n'
    )
    command = ["rustc", "--crate-type=lib", "--edition=2024", "-O", "-g", "--emit=llvm-bc", "r.rs", "-o", "r.bc"]
    subprocess.run(command, cwd=tmp_path, check=True)
    said = text(found((tmp_path / "r.bc").read_bytes()))
    assert "argument 0 'o' -> field 'list' of Outer at offset 0: 1 store" in said, said
    assert "callback argument 0 'o' -> field 'call' of Outer at offset 8: called" in said, said


def test_a_pointer_that_comes_from_itself_ends() -> None:
    """A loop's pointer, and unreachable code in which a value is computed from itself."""
    (loop,) = found(
        b"define void @f(ptr %p) {\n  br label %l\nl:\n  %q = phi ptr [ %p, %0 ], [ %n, %l ]\n"
        b"  %n = load ptr, ptr %q, align 8\n  br label %l\n}\n"
    )
    assert "argument 0: 1 load" in text([loop])
    (dead,) = found(
        b"define void @f() {\n  ret void\nl:\n  %a = load ptr, ptr %b, align 8\n  %b = getelementptr i8, ptr %a, i64 8\n"
        b"  store i8 1, ptr %b, align 1\n  br label %l\n}\n"
    )
    assert "a pointer that is computed from itself" in text([dead])


def test_json_is_one_document_a_module_in_their_order(tmp_path: Path) -> None:
    names = ["a", "b", "c"]
    for name in names:
        (tmp_path / f"{name}.ll").write_text(ONE % name)
    words = ["--passes=print<boundary>", "--disable-output", "--json", "--jobs", "3"]
    done = opt(*(f"{name}.ll" for name in names), *words, cwd=tmp_path)
    documents: list[dict[str, Any]] = [json.loads(line) for line in done.stderr.splitlines()]
    assert [each["input"] for each in documents] == ["a.ll", "b.ll", "c.ll"]
    (function,) = documents[1]["functions"]
    assert function["function"] == "b" and function["raw"] == [] and function["line"] is None
    (pointer,) = function["pseudo"]
    assert pointer["chain"] == [{"kind": "argument", "others": 0, "index": 0, "name": None}]
    (access,) = pointer["accesses"]
    assert access == {
        "what": "store",
        "bytes": 1,
        "file": None,
        "line": None,
        "column": None,
        "one-of-several": False,
    }
    assert documents[0] == document("a.ll", found((ONE % "a").encode()))


def test_the_module_goes_through_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.ll").write_text(
        "; nothing is dropped: readonly, willreturn\n" + ONE % "a" + "declare i32 @g(ptr readonly) willreturn\n"
    )
    plain = opt("a.ll", "--passes=", "-S", cwd=tmp_path)
    printed = opt("a.ll", "-passes=print<boundary>", "-S", cwd=tmp_path)
    assert printed.stdout == plain.stdout
    assert "readonly" in printed.stdout and "willreturn" in printed.stdout
    assert printed.stderr.startswith("Printing analysis 'boundary' for function 'a'")
    again = opt("a.ll", "--passes=print<boundary>,entry-gates", "-S", cwd=tmp_path)
    assert "@a.foreign" in again.stdout
    assert again.stderr.count("Printing analysis") == 1  # the functions, not their gates


def test_the_policy_closes_entries_and_callbacks(tmp_path: Path) -> None:
    (tmp_path / "a.ll").write_text("define void @a(ptr %f) {\n  call void %f()\n  ret void\n}\n")
    (tmp_path / "p.toml").write_text('entries = ["b"]\ncallbacks = ["b"]\n')
    words = ["a.ll", "--passes=print<boundary>", "--disable-output"]
    done = opt(*words, "--policy", "p.toml", cwd=tmp_path)
    assert "function 'a', which the policy's entries close to the host:" in done.stderr
    assert "callback argument 0: called, but traps by the policy's callbacks" in done.stderr
    (function,) = json.loads(opt(*words, "--policy", "p.toml", "--json", cwd=tmp_path).stderr)["functions"]
    assert (function["entry"], function["callbacks-open"]) == ("closed", False)
    (function,) = json.loads(opt(*words, "--json", cwd=tmp_path).stderr)["functions"]
    assert (function["entry"], function["callbacks-open"]) == ("visible", True)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_what_cannot_be_said_is_no_success(tmp_path: Path) -> None:
    (tmp_path / "s.ll").write_text(ONE % "f")
    surroundings = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    surroundings["PYTHONPATH"] = str(ROOT)
    for asked in ("--passes=print<boundary>", "--print-changed", "--stats", "--time-passes"):
        command = [*OPT, str(tmp_path / "s.ll"), asked, "--disable-output"]
        with Path("/dev/full").open("w") as full:
            assert subprocess.run(command, stderr=full, env=surroundings, check=False).returncode == 2, asked
        assert subprocess.run(command, capture_output=True, env=surroundings, check=False).returncode == 0, asked
