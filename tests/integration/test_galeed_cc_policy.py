"""galeed-cc obeys the galeed.toml that holds where it runs, and refuses what would not isolate."""

from __future__ import annotations

from pathlib import Path

import pytest

from llvm_pass.pipeline import DEFAULT_PASSES
from tests.integration.conftest import CC, Tool

CLOSED = "none of the policy's entries"


@pytest.fixture(autouse=True)
def no_policy_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GALEED_POLICY", raising=False)


def text(tool: Tool, folder: Path, *options: str, env: dict[str, str | None] | None = None) -> str:
    done = tool(CC, *options, "-O1", "-S", "-emit-llvm", "lib.c", "-o", "lib.ll", env=env)
    assert (done.code, done.stderr) == (0, "")
    return (folder / "lib.ll").read_text()


def test_entries_are_those_of_the_policy(tool: Tool, folder: Path) -> None:
    assert CLOSED not in text(tool, folder)
    policy = folder / "galeed.toml"
    policy.write_text("entries = []")
    assert CLOSED in text(tool, folder)
    assert CLOSED not in text(tool, folder, "--galeed-policy=")
    assert CLOSED not in text(tool, folder, env={"GALEED_POLICY": ""})
    policy.write_text(f"entries = []\npasses = {[name for name in DEFAULT_PASSES if name != 'attributes']}")
    assert CLOSED in text(tool, folder), "attributes goes first unasked"
    policy.rename(folder / "other.toml")
    assert CLOSED in text(tool, folder, env={"GALEED_POLICY": "other.toml"})
    assert CLOSED in text(tool, folder, "--galeed-policy=other.toml", env={"GALEED_POLICY": ""})


def test_make_knows_that_the_object_depends_on_it(tool: Tool, folder: Path) -> None:
    (folder / "galeed.toml").write_text("")
    assert tool(CC, "-MMD", "-c", "lib.c", "-o", "lib.o").code == 0
    assert "galeed.toml" in (folder / "lib.d").read_text()


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ("\nentry = []", "galeed.toml:2: unknown key 'entry'; did you mean 'entries'?"),
        ("passes = ['entry-gates']", "galeed.toml:1: the compilers need every pass; missing: profile, "),
    ],
)
def test_what_cannot_be_obeyed_makes_no_object(tool: Tool, folder: Path, policy: str, said: str) -> None:
    (folder / "galeed.toml").write_text(policy)
    done = tool(CC, "-c", "lib.c", "-o", "lib.o")
    assert done.code == 2
    assert said in done.stderr and done.stderr.count("\n") == 1
    assert not (folder / "lib.o").exists()


def test_what_is_not_rewritten_needs_no_policy(tool: Tool, folder: Path) -> None:
    (folder / "galeed.toml").write_text("garbage")
    assert tool(CC, "-E", "lib.c", "-o", "lib.i").code == 0
    assert tool(CC, "--help").code == 0
