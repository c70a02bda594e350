"""What rewritten code does: every form of forms.c under a real host, at each optimisation level.

The C is compiled by clang, rewritten in this process, compiled on and linked into a
Rust program whose heap is the host domain (execution/src/main.rs does the checking).
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from llvm_pass.driver.clang import find_clang
from llvm_pass.pipeline import rewrite
from tests.conftest import Run, environment

_HOST = Path(__file__).parent / "execution"
_LEVELS = (("-O0",), ("-O1",), ("-O2", "-g"), ("-O3", "-march=haswell"))


def _clang(*words: str | Path) -> None:
    command = [*find_clang().command, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment())
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("cargo") is None:
        pytest.skip("cargo is not in PATH")
    return tmp_path_factory.mktemp("execution")


@pytest.fixture(scope="module", params=_LEVELS, ids="".join)
def program(request: pytest.FixtureRequest, target: Path) -> Path:
    flags: tuple[str, ...] = request.param
    name = "".join(flags)
    bitcode, rewritten, compiled = (target / f"{name}.{end}" for end in ("bc", "galeed.bc", "o"))
    _clang(*flags, "-Wall", "-Wextra", "-Werror", "-c", "-emit-llvm", _HOST / "forms.c", "-o", bitcode)
    result = rewrite(bitcode.read_bytes())
    rewritten.write_bytes(result.bitcode)
    _clang(*flags, "-c", rewritten, "-o", compiled)
    done = subprocess.run(
        ["cargo", "build", "--quiet", "--manifest-path", _HOST / "Cargo.toml"],
        capture_output=True,
        text=True,
        check=False,
        env=environment({"FORMS_OBJECT": str(compiled), "CARGO_TARGET_DIR": str(target / "target")}),
    )
    assert done.returncode == 0, done.stderr
    return Path(shutil.copy(target / "target" / "debug" / "execution", target / f"program{name}"))


@pytest.mark.slow
def test_every_form(program: Path, run: Run, backend: str) -> None:
    outcome = run([program], timeout_seconds=300)
    assert outcome.code == 0, f"{backend}: {outcome}"
    assert "all forms as they should be" in outcome.stdout
