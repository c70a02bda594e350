"""Each instruction that touches memory, on memory that is really lent: right, too far, too late.

The sources (execution/instructions.*, operations.ll) are compiled twice: rewritten, and as they are; the
host (execution/src/bin/instructions.rs) compares what the two make of the same bytes.
"""

from __future__ import annotations

import re
import shutil
import signal
from pathlib import Path

import pytest

from llvm_pass.driver.clang import find_clang
from llvm_pass.pipeline import Options, Result, rewrite
from tests import compiled
from tests.conftest import Run

_HOST = Path(__file__).parent / "execution"
_LEVELS = (("-O0",), ("-O2", "-g", "-march=haswell"))
_CXX = ("-std=c++20", "-fno-exceptions", "-fno-rtti")
_WARNINGS = ("-Wall", "-Wextra", "-Werror")
_ALONE = (
    "assembly_register", "segment", "histogram", "xsave", "assembly_locked", "wide_atomic", "odd_elements",
    "assembly_goto_memory", "narrow_space", "jump_with_copy", "flush",
)  # fmt: skip


def _sources(to: Path, clang: tuple[str, ...], flags: tuple[str, ...], plain: bool) -> list[Path]:
    """The sources as bitcode."""
    define = ["-DPLAIN"] if plain else []
    modules = [] if plain else [_HOST / "strided.ll"]
    for name in ("instructions", "operations"):
        text = (_HOST / f"{name}.ll").read_text()
        modules.append(to / f"{name}-{'plain' if plain else 'form'}.ll")
        plainly = text.replace("@form_", "@plain_").replace("@swap_lanes", "@plain_swap_lanes")
        modules[-1].write_text(plainly if plain else text)
    commands = [
        [*clang, *flags, *_WARNINGS, *define, "-c", "-emit-llvm", _HOST / "instructions.c"],
        [*clang, *flags, *_CXX, *_WARNINGS, *define, "-c", "-emit-llvm", _HOST / "coroutine.cpp"],
        *([*clang, *flags, "-Wno-override-module", "-c", "-emit-llvm", path] for path in modules),
    ]
    outputs = [to / f"{'plain' if plain else 'form'}-{number}.bc" for number in range(len(commands))]
    compiled.build_all([*command, "-o", output] for command, output in zip(commands, outputs, strict=True))
    return outputs


@pytest.fixture(scope="session", params=_LEVELS, ids="".join)
def program(request: pytest.FixtureRequest) -> Path:
    if shutil.which("cargo") is None:
        pytest.skip("cargo is not in PATH")
    flags: tuple[str, ...] = request.param
    clang = tuple(find_clang().command)

    def make(to: Path) -> None:
        objects = []
        for plain in (True, False):
            for bitcode in _sources(to, clang, flags, plain):
                if not plain:
                    bitcode.write_bytes(rewrite(bitcode.read_bytes()).bitcode)
                objects.append(bitcode.with_suffix(".o"))
                compiled.build([*clang, *flags, "-c", bitcode, "-o", objects[-1]])
        target = compiled.KEPT / "execution-target"
        changes = {"INSTRUCTIONS_OBJECTS": ":".join(map(str, objects)), "CARGO_TARGET_DIR": str(target)}
        words = ["cargo", "build", "--quiet", "--bin", "instructions", "--manifest-path", _HOST / "Cargo.toml"]
        compiled.build(words, changes)
        shutil.copy(target / "debug" / "instructions", to)

    versions = [compiled.version(clang), compiled.version(("rustc",))]
    return compiled.kept("instructions", [*compiled.RUST, _HOST], [*flags, *versions], make) / "instructions"


@pytest.mark.slow
def test_every_instruction(program: Path, run: Run, backend: str, request: pytest.FixtureRequest) -> None:
    optimised = "-O2" in request.node.callspec.id  # -O0 does not say which bytes of a structure are pointers
    outcome = run([program], env={"ASSIGNED": "1" if optimised else None}, timeout_seconds=300)
    assert outcome.code == 0, f"{backend}: {outcome}"
    assert re.search(r"all \d+ forms as they should be", outcome.stdout), outcome


@pytest.mark.slow
@pytest.mark.parametrize("form", _ALONE)
def test_what_has_no_checked_form_ends_the_process(form: str, program: Path, run: Run, backend: str) -> None:
    outcome = run([program, form])
    assert outcome.code != 0, f"{backend}: {outcome}"
    assert "went through" not in outcome.stdout
    if form == "narrow_space":  # 32 bits of a handle are none: an address near 0, and nothing to report
        assert outcome.code == -signal.SIGSEGV, outcome
    else:
        assert "galeed: " in outcome.stderr, outcome


def _rewritten(name: str) -> Result:
    return rewrite((_HOST / name).read_bytes())


def test_what_ends_the_process_was_reported() -> None:
    """A form that traps and says nothing beforehand would be a surprise."""
    results = (_rewritten("instructions.ll"), _rewritten("operations.ll"))
    found = [remark for result in results for remark in result.remarks if remark.kind == "Missed"]
    remarks = {(remark.function, remark.name) for remark in found}
    assert remarks == {
        ("form_segment", "AddressSpace"),
        ("form_histogram", "Intrinsic"),
        ("form_xsave", "Intrinsic"),
        ("form_wide_atomic", "WideAtomic"),
        ("form_odd_elements", "VectorElement"),
        ("form_assembly_goto_memory", "InlineAssembly"),
        ("form_narrow_space", "AddressSpace"),
        ("jumps", "CopiedArgument"),
        ("form_flush", "Intrinsic"),
    }


def test_the_same_input_gives_the_same_bytes_as_text_and_as_bitcode() -> None:
    text = (_HOST / "instructions.ll").read_bytes()
    bitcode = rewrite(text, Options(())).bitcode
    first = rewrite(text, Options(round_trip=True))
    assert rewrite(text).bitcode == first.bitcode
    assert rewrite(bitcode).text.splitlines()[1:] == first.text.splitlines()[1:]  # all but the name of the input
