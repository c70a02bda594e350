"""What rewritten code does: every form of forms.c under a real host, at each optimisation level.

The C is compiled by clang, rewritten in this process, compiled on and linked into a
Rust program whose heap is the host domain (execution/src/main.rs does the checking).
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from llvm_pass.driver.clang import find_clang
from llvm_pass.pipeline import rewrite
from tests import compiled
from tests.conftest import Run

_HOST = Path(__file__).parent / "execution"
_LEVELS = (("-O0",), ("-O1",), ("-O2", "-g"), ("-O3", "-march=haswell"))


@pytest.fixture(scope="session", params=_LEVELS, ids="".join)
def program(request: pytest.FixtureRequest) -> Path:
    if shutil.which("cargo") is None:
        pytest.skip("cargo is not in PATH")
    flags: tuple[str, ...] = request.param
    clang = tuple(find_clang().command)

    def make(to: Path) -> None:
        bitcode, rewritten, linkable = (to / f"forms.{end}" for end in ("bc", "galeed.bc", "o"))
        first = [*clang, *flags, "-Wall", "-Wextra", "-Werror", "-c", "-emit-llvm", _HOST / "forms.c", "-o", bitcode]
        compiled.build(first)
        rewritten.write_bytes(rewrite(bitcode.read_bytes()).bitcode)
        compiled.build([*clang, *flags, "-c", rewritten, "-o", linkable])
        target = compiled.KEPT / "execution-target"  # under kept's lock; what no level decides is built once
        changes = {"FORMS_OBJECT": str(linkable), "CARGO_TARGET_DIR": str(target)}
        words = ["cargo", "build", "--quiet", "--bin", "execution", "--manifest-path", _HOST / "Cargo.toml"]
        compiled.build(words, changes)
        shutil.copy(target / "debug" / "execution", to)

    versions = [compiled.version(clang), compiled.version(("rustc",))]
    return compiled.kept("execution", [*compiled.RUST, _HOST], [*flags, *versions], make) / "execution"


@pytest.mark.slow
def test_every_form(program: Path, run: Run, backend: str) -> None:
    outcome = run([program], timeout_seconds=300)
    assert outcome.code == 0, f"{backend}: {outcome}"
    assert "all forms as they should be" in outcome.stdout
