"""The pipeline as the drivers call it: typed errors, remarks, what LLVM's death looks like."""

from __future__ import annotations

import re
import signal

import pytest

from llvm_pass import passes, pipeline
from llvm_pass.errors import AlreadyRewritten, PassFailed, UnreadableModule, UsageError
from llvm_pass.ir import reader
from llvm_pass.ir.reader import Llvm, LlvmDied
from llvm_pass.passes.base import Context, Pass
from llvm_pass.pipeline import Options, chosen, rewrite

_MODULE = b"define i32 @f(ptr %p) {\n  %v = load i32, ptr %p, align 4\n  ret i32 %v\n}\n"


def _with(monkeypatch: pytest.MonkeyPatch, broken: Pass) -> Options:
    monkeypatch.setattr(pipeline, "PASSES", (*passes.PASSES, broken))
    return Options((broken.name,))


def test_everything_by_default() -> None:
    result = rewrite(_MODULE)
    assert result.bitcode.startswith(b"BC\xc0\xde")
    assert "!galeed.passes" in result.text
    assert result.stats["entry-gates: gates"] == 1
    assert [(r.kind, r.name) for r in result.remarks] == [("Analysis", "Entry")]
    assert result.lines >= 4


def test_no_passes_is_the_module_itself() -> None:
    result = rewrite(_MODULE, Options(()))
    assert "galeed" not in result.text
    again = rewrite(result.bitcode, Options(())).text
    assert again.splitlines()[1:] == result.text.splitlines()[2:]  # all but the name of the input
    assert rewrite(result.text.encode(), Options(())).text == result.text


def test_attributes_go_first_unasked() -> None:
    source = b"define void @f(ptr captures(none) %p) {\n  store i8 0, ptr %p\n  ret void\n}\n"
    assert "captures" not in rewrite(source, Options(("pseudo-pointers",))).text


def test_a_second_rewrite_is_refused() -> None:
    with pytest.raises(AlreadyRewritten, match="already"):
        rewrite(rewrite(_MODULE).bitcode)


def test_garbage_and_unknown_passes() -> None:
    with pytest.raises(UnreadableModule, match=r"read by LLVM 22"):
        rewrite(b"garbage")
    with pytest.raises(UsageError, match="unknown pass 'x'"):
        rewrite(_MODULE, Options(("x",)))


def test_a_pass_whose_result_does_not_verify_names_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(context: Context) -> None:
        (function,) = context.module.functions
        context.edits.replace(function.start + 1, "  %v = load i32, ptr %missing, align 4")

    with pytest.raises(PassFailed, match=r"use of undefined value '%missing'") as caught:
        rewrite(_MODULE, _with(monkeypatch, Pass("breaks", "", run)))
    assert caught.value.function == "f"
    assert caught.value.line is not None


def test_a_pass_that_stumbles_names_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(context: Context) -> None:
        context.function = context.module.functions[0]
        context.line = context.function.start + 1
        raise ValueError("stumbled")

    with pytest.raises(PassFailed, match=r"pass 'stumbles' failed in function 'f' \(line \d+ .*ValueError: stumbled"):
        rewrite(_MODULE, _with(monkeypatch, Pass("stumbles", "", run)))


def test_the_death_of_llvm_is_an_error_like_any_other() -> None:
    with Llvm() as llvm:
        llvm.read(_MODULE, "text")
        llvm._child.kill()
        llvm._child.wait()
        with pytest.raises(LlvmDied, match="signal 9"):
            llvm.text()


def test_llvm_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_SECONDS", 0.3)
    with Llvm() as llvm:
        llvm.read(_MODULE, "text")
        llvm._child.send_signal(signal.SIGSTOP)
        with pytest.raises(LlvmDied, match="no answer within 0 s"):
            llvm.text()
        assert llvm._child.wait() == -signal.SIGKILL


def test_what_went_through_some_passes_only_is_refused() -> None:
    """Gates without checks would look like a rewritten module."""
    source = b"define void @f(ptr %p) {\n  store i8 1, ptr %p, align 1\n  ret void\n}\n"
    partly = rewrite(source, Options(passes=("entry-gates",))).bitcode
    with pytest.raises(UsageError, match=r"some of the passes only \(attributes, entry-gates\)"):
        rewrite(partly)


@pytest.mark.parametrize("triple", ["i386-linux-gnu", "aarch64-unknown-linux-gnu", "x86_64-pc-windows-msvc"])
def test_other_machines_are_refused(triple: str) -> None:
    with pytest.raises(UnreadableModule, match=rf"is for {triple}; only x86-64 Linux"):
        rewrite(f'target triple = "{triple}"\ndefine void @f() {{\n  ret void\n}}\n'.encode())


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("attributes,attributes", "pass 'attributes' is named twice"),
        ("entry-gates,pseudo-pointers", "passes go in this order: attributes, profile, "),
        ("pseudo-pointers,lend-everything", "pass 'lend-everything' goes in front of all others"),
        ("lend-calls,pseudo-pointers", "pass 'lend-calls' is for the host's modules"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused(names: str, said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        chosen(tuple(names.split(",")))
