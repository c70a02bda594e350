"""The examples of the documentation run: README's, mpk/examples and the docstrings, on both backends.

Each runs in a process of its own. Rust's are doc tests of the crates (cargo test).
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from experiments.attacks import conditions
from tests.compiled import CSRC, FLAVOURS, build_all, kept, runtime, version
from tests.conftest import ROOT, Run, RunPython

EXAMPLES = ROOT / "mpk" / "examples"
README = (ROOT / "README.md").read_text()
WITH_EXAMPLES = ("mpk", "mpk.domain", "mpk.gadgets", "mpk.hardening", "mpk.keys")

# What each prints, as a pattern; the backend's name goes into the braces.
PRINTS = {
    "call": r"half\(84\) = 42\na frame of the host: stopped\n",
    "domain": r"{}: stopped in read_byte\nthe host still reads: attack at dawn\n",
    "harden": r"{}: dump .*\nopen\(/etc/passwd\): Permission denied\n",
    "heap": r"2 MiB: .*limit.*\n",
    "keys": r'{}: every thread reads "group 7"\n1000 groups, .*\n',
    "scan": r"WRPKRU at 2, 3 bytes\n",
}


@pytest.fixture(scope="session", params=FLAVOURS)
def programs(request: pytest.FixtureRequest) -> Path:
    """The examples as programs."""
    flavour = FLAVOURS[request.param]()
    linked = runtime(flavour)

    def make(to: Path) -> None:
        sources = sorted(EXAMPLES.glob("*.c"))
        build_all([*flavour.words, "-I", CSRC, one, *linked, "-o", to / one.stem] for one in sources)

    return kept(f"examples-{flavour.name}", [CSRC, EXAMPLES], [*flavour.words, version(flavour.compiler)], make)


def test_every_example_is_run() -> None:
    assert {path.stem for path in EXAMPLES.iterdir()} == set(PRINTS)


@pytest.mark.parametrize("name", PRINTS)
def test_example_in_c(backend: str, programs: Path, run: Run, name: str) -> None:
    outcome = run([programs / name])
    assert outcome.code == 0, outcome
    assert re.fullmatch(PRINTS[name].format(backend), outcome.stdout, re.DOTALL), outcome


def test_the_top_level_can_be_had(backend: str, programs: Path, run: Run) -> None:
    """Started as the example says it has every part, but for what README's table says of mprotect."""
    if not conditions.holds("locked memory", "root" if os.geteuid() == 0 else "nobody"):
        pytest.skip("no limit on locked memory that is high enough")
    level, lacks = ("full", set()) if backend == "pku" else ("full?", {"seal", "signals"})
    prepared = [sys.executable, "-m", "mpk.hardening", "--policy", level, "--"]
    outcome = run([*prepared, programs / "harden", level])
    assert outcome.code == 0, outcome
    assert set(re.findall(r"\(no (\w+)\)", outcome.stdout)) == lacks, outcome
    assert "secretmem" in outcome.stdout and "stacks" in outcome.stdout, outcome
    demanded = run([*prepared, programs / "harden", "full"])
    assert demanded.code == (1 if lacks else 0), demanded


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_docstrings(backend: str, run_python: RunPython, name: str) -> None:
    code = f"import doctest, sys, {name}; print(doctest.testmod(sys.modules['{name}']))"
    outcome = run_python(code)
    assert outcome.code == 0, outcome
    assert "failed=0" in outcome.stdout, outcome
    assert "attempted=0" not in outcome.stdout, outcome


def test_readme_in_python(backend: str, run_python: RunPython) -> None:
    (block,) = re.findall(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    outcome = run_python(block)
    assert outcome.code == 0, outcome
    assert "WRPKRU" in outcome.stdout, outcome
    assert "syscalls" in outcome.stdout, outcome
