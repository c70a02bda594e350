"""Ways in: three C files and an assembler file as a library of galeed-cc and galeed-ar, called by a Rust host."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from llvm_pass.driver.clang import find_clang
from tests import compiled
from tests.conftest import ROOT, Run

_HOST = Path(__file__).parent / "execution"
_LEVELS = (("-O0",), ("-O2", "-g"), ("-O2", "-fPIC", "-ffunction-sections"))
_CC = [sys.executable, "-P", "-m", "llvm_pass.driver.cc", "c"]
_AR = [sys.executable, "-P", "-m", "llvm_pass.driver.ar"]
_ENVIRONMENT = {"PYTHONPATH": str(ROOT), "GALEED_POLICY": ""}


def _built(name: str, to: Path, flags: tuple[str, ...]) -> Path:
    """The program with the library in it, and its archive."""
    objects = []
    for source in ("front.c", "back.c", "chosen.c", "assembled.S"):
        objects.append(to / f"{source}.o")
        compiled.build(
            [*_CC, *flags, "-Wall", "-Wextra", "-c", _HOST / "boundary" / source, "-o", objects[-1]], _ENVIRONMENT
        )
    library = to / "libboundary.a"
    compiled.build([*_AR, "rcs", library, *objects], _ENVIRONMENT)
    target = compiled.KEPT / "execution-target"
    changes = {"BOUNDARY_OBJECTS": str(library), "CARGO_TARGET_DIR": str(target)}
    words = ["cargo", "build", "--quiet", "--bin", "boundary", "--manifest-path", _HOST / "Cargo.toml"]
    compiled.build(words, changes)
    shutil.copy(target / "debug" / "boundary", to / name)
    return to / name


@pytest.fixture(scope="session", params=_LEVELS, ids="".join)
def program(request: pytest.FixtureRequest) -> Path:
    if shutil.which("cargo") is None:
        pytest.skip("cargo is not in PATH")
    flags: tuple[str, ...] = request.param
    versions = [compiled.version(tuple(find_clang().command)), compiled.version(("rustc",))]
    folder = compiled.kept(
        "boundary", [*compiled.RUST, _HOST], [*flags, *versions], lambda to: _built("boundary", to, flags)
    )
    return folder / "boundary"


@pytest.fixture(scope="session")
def closed() -> Path:
    """The same with fewer entries."""
    if shutil.which("cargo") is None:
        pytest.skip("cargo is not in PATH")
    versions = [compiled.version(tuple(find_clang().command)), compiled.version(("rustc",))]
    flags = ("-O2", "--galeed-entries=mixed,pick,get_*,sum_*")
    folder = compiled.kept(
        "boundary-closed", [*compiled.RUST, _HOST], [*flags, *versions], lambda to: _built("boundary", to, flags)
    )
    return folder / "boundary"


@pytest.mark.slow
def test_what_is_no_entry_ends_the_process(program: Path, closed: Path, run: Run, backend: str) -> None:
    assert run([program, "call"]).stdout == "went through\n", "the control"
    outcome = run([closed, "call"])
    assert outcome.code != 0, f"{backend}: {outcome}"
    assert "went through" not in outcome.stdout
    assert "function peek_plain was called from Rust, and is none of the policy's entries" in outcome.stderr


@pytest.mark.slow
def test_calls_between_the_files_pass_no_gate(program: Path) -> None:
    """Read from the program: the linker took the bodies where there are some, the jumps where not."""
    listing = subprocess.run(
        ["objdump", "-d", "--no-show-raw-insn", program], capture_output=True, text=True, check=True
    ).stdout
    bodies = {part.partition(">:\n")[0]: part for part in re.split(r"\n\n[0-9a-f]+ <", listing)}
    for caller, callee in (
        ("peek_behind", "back_peek"),
        ("peek_behind_variadic", "back_variadic"),
        ("sum_behind", "back_sum"),
    ):
        called = re.findall(r"(?:call|jmp) .*<([\w.]+)>", bodies[f"{caller}.foreign"])
        assert any(name in (f"{callee}.foreign", "back_alias.foreign") for name in called), (caller, called)
    assert re.search(r"jmp .*<assembled>", bodies["assembled.foreign"])


@pytest.mark.slow
def test_every_way_in(program: Path, run: Run, backend: str) -> None:
    outcome = run([program], timeout_seconds=300)
    assert outcome.code == 0, f"{backend}: {outcome}"
    assert "the boundary is as it should be" in outcome.stdout
