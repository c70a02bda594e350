"""Which structures are lent, by policy and by profile: the others trap, and are served where that is asked."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from llvm_pass.driver.clang import find_clang
from tests import compiled
from tests.conftest import ROOT, Run

_HOST = Path(__file__).parent / "execution"
_CC = [sys.executable, "-P", "-m", "llvm_pass.driver.cc", "c"]
LENT, OWNED, BYTES = "66, 11 22 33 40", "41, 10 20 30 41", "40, 10 20 30 40"


def _built(to: Path, policy: str) -> Path:
    if shutil.which("cargo") is None:
        pytest.skip("cargo is not in PATH")
    versions = [compiled.version(tuple(find_clang().command)), compiled.version(("rustc",))]

    def make(folder: Path) -> None:
        (folder / "galeed.toml").write_text(policy, encoding="utf-8")
        words = [*_CC, f"--galeed-policy={folder / 'galeed.toml'}", "-O2", "-c", _HOST / "lending.c"]
        compiled.build([*words, "-o", folder / "lending.o"], {"PYTHONPATH": str(ROOT)})
        target = compiled.KEPT / "execution-target"
        changes = {"LENDING_OBJECTS": str(folder / "lending.o"), "CARGO_TARGET_DIR": str(target)}
        compiled.build(
            ["cargo", "build", "--quiet", "--bin", "lending", "--manifest-path", _HOST / "Cargo.toml"], changes
        )
        shutil.copy(target / "debug" / "lending", folder)

    return compiled.kept("lending", [*compiled.RUST, _HOST], [policy, *versions], make) / "lending"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("policy", "spared"),
    [
        ("", ()),
        ('structures = ["lent", "owned"]', ()),
        ('structures = ["l?nt"]', ("owned", "bytes")),
        ('structures = ["owned"]', ("lent",)),  # `owned` holds a pointer to `lent`, no `lent`
        ("structures = []", ("lent", "owned", "bytes")),
    ],
)
def test_what_the_policy_names_is_served_and_the_rest_traps(
    policy: str, spared: tuple[str, ...], run: Run, backend: str, tmp_path: Path
) -> None:
    program = _built(tmp_path, policy)
    for which, said in (("lent", LENT), ("owned", OWNED), ("bytes", BYTES)):
        outcome = run([program, which])
        if which in spared:
            assert outcome.code != 0 and said not in outcome.stdout, f"{backend} {which}: {outcome}"
            assert f"touch_{'bytes_of_owned' if which == 'bytes' else which}" in outcome.stderr
        else:
            assert (outcome.code, outcome.stdout) == (0, f"{said}\n"), f"{backend} {which}: {outcome}"
        served = run([program, which], env={"GALEED_ON_TRAP": "serve"})
        assert (served.code, served.stdout) == (0, f"{said}\n"), f"{backend} {which}: {served}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("policy", "number"),
    [
        ('exclusive = ["touch_*"]', 22),  # as the callback left it: C's last change was made to a copy
        ("", 23),
    ],
)
def test_calls_that_have_their_objects_to_themselves(
    policy: str, number: int, run: Run, backend: str, tmp_path: Path
) -> None:
    program = _built(tmp_path, policy)
    for which, said in (("lent", LENT), ("owned", OWNED), ("bytes", BYTES)):
        outcome = run([program, which])
        assert (outcome.code, outcome.stdout) == (0, f"{said}\n"), f"{backend} {which}: {outcome}"
    outcome = run([program, "beyond"], env={"GALEED_ON_VIOLATION": "unwind"})
    assert (outcome.code, outcome.stdout) == (0, f"-1, {number} 20 30 40\n"), f"{backend}: {outcome}"


@pytest.mark.slow
def test_what_was_learnt_is_served_and_the_rest_traps(run: Run, backend: str, tmp_path: Path) -> None:
    learning = _built(tmp_path, 'profile = "learn"')
    seen = tmp_path / "seen.profile"
    outcome = run([learning, "lent"], env={"GALEED_PROFILE": str(seen)})
    assert (outcome.code, outcome.stdout) == (0, f"{LENT}\n"), f"{backend}: {outcome}"
    rows = [json.loads(line) for line in seen.read_text(encoding="utf-8").splitlines()]
    assert [row["unit"].split(":")[0] for row in rows if "unit" in row] == ["lending.c"]
    # What the profile says is in the policy's name, so that it is built anew for another one.
    program = _built(tmp_path, f'profile = "{seen}"  # {rows}')
    assert run([program, "lent"]).stdout == f"{LENT}\n"
    refused = run([program, "owned"])
    assert refused.code != 0 and OWNED not in refused.stdout, f"{backend}: {refused}"
    assert run([program, "owned"], env={"GALEED_ON_TRAP": "serve"}).stdout == f"{OWNED}\n"
