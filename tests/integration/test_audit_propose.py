"""galeed-audit --propose on a crate with callbacks, pointers in structures and functions given out by pointer: what it
writes is what `cargo galeed test` needs, and what `galeed-audit verify` then finds in the program.

tests/integration/proposed: the proposal is made, and the crate's tests run by it, once a build.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import jsonschema
import pytest

from audit import cli
from llvm_pass.driver.clang import find_clang
from llvm_pass.policy.schema import schema
from tests import compiled
from tests.conftest import Run

HERE = Path(__file__).parent / "proposed"
COMMAND = [sys.executable, "-P", "-m", "llvm_pass.driver.cargo", "galeed"]
AUDIT = Path(__file__).parents[2] / "audit"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("cargo") is None, reason="Rust is not installed"),
]


@pytest.fixture(scope="session")
def folder() -> Path:
    """galeed.toml as proposed, program: the crate's tests, built by it; said: what `cargo galeed test` said."""

    def make(to: Path) -> None:
        crate = compiled.KEPT / "proposed-crate"
        shutil.rmtree(crate, ignore_errors=True)
        shutil.copytree(HERE, crate)
        manifest = crate / "Cargo.toml"
        rust = HERE.parents[2] / "pseudoptr" / "rust"
        manifest.write_text(manifest.read_text().replace("../../../pseudoptr/rust", str(rust)), encoding="utf-8")
        words = [
            sys.executable,
            "-P",
            "-m",
            "audit.cli",
            "-q",
            ".",
            "--propose",
            "galeed.toml",
            "--fail-on",
            "critical",
        ]
        python = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        subprocess.run(words, cwd=crate, env=python, check=True, stdout=subprocess.DEVNULL)
        again = [*words[:-3], "again.toml", *words[-2:]]
        subprocess.run(again, cwd=crate, env=python, check=True, stdout=subprocess.DEVNULL)
        assert (crate / "galeed.toml").read_bytes() == (crate / "again.toml").read_bytes()
        # Of its own: with another policy cargo galeed builds anew, and so would those who share one.
        python["CARGO_TARGET_DIR"] = str(compiled.KEPT / "proposed-target")
        done = subprocess.run([*COMMAND, "test"], cwd=crate, env=python, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        (to / "said").write_text(done.stdout + done.stderr, encoding="utf-8")
        built = (compiled.KEPT / "proposed-target" / "x86_64-unknown-linux-gnu" / "debug" / "deps").glob("proposed-*")
        program = max((each for each in built if not each.suffix), key=lambda each: each.stat().st_mtime)
        shutil.copy(program, to / "program")
        shutil.copy(crate / "galeed.toml", to)

    versions = [compiled.version(tuple(find_clang().command)), compiled.version(("rustc",))]
    return compiled.kept("proposed", [*compiled.RUST, HERE, AUDIT], versions, make)


def test_the_proposal_keeps_to_the_schema_and_says_why(folder: Path) -> None:
    text = (folder / "galeed.toml").read_text(encoding="utf-8")
    given = tomllib.loads(text)
    jsonschema.Draft202012Validator(schema()).validate(given)
    assert given == {
        "entries": ["items_count", "items_doubler", "items_longest", "items_visit", "twice"],
        "callbacks": ["items_visit", "one", "one.*"],
        "hardening": "basic",
    }
    assert '    "items_count",  # called: src/lib.rs:' in text
    assert '    "items_longest",  # named: src/lib.rs:' in text
    assert '    "twice",  # items_doubler uses its address: c/items.c:' in text
    assert '#     "item",  # items_visit takes it: c/items.c:4; fields with pointers: name, next, visit, user' in text


def test_the_tests_pass_by_it(folder: Path, run: Run, backend: str) -> None:
    said = (folder / "said").read_text(encoding="utf-8")
    assert "1 rewritten: c/items.c" in said and "test result: ok. 3 passed" in said
    done = run([folder / "program", "--test-threads=1"])
    assert done.code == 0 and "3 passed" in done.stdout, done


def test_the_program_is_what_it_promises(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["verify", str(folder / "program"), "--policy"]
    assert cli.main([*words, str(folder / "galeed.toml"), "--json"]) == 0
    proof = json.loads(capsys.readouterr().out)
    assert (
        "5 foreign entries, each behind a gate: items_count items_doubler items_longest items_visit twice"
        in proof["seen"]
    )
    assert "1 functions may call the host back, through gates: items_visit" in proof["seen"]
    assert proof["missing"] == []

    tight = tmp_path / "galeed.toml"
    tight.write_text('entries = ["items_*"]\ncallbacks = []\n', encoding="utf-8")
    assert cli.main([*words, str(tight), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["missing"] == [
        f"gates: twice has a gate, and is no entry by {tight}:1",
        f"callbacks: items_visit may call the host, and is none by {tight}:2",
    ]
