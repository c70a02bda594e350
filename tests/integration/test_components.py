"""Components: threads whose state and messages lie in domains of their own, and whose C goes wrong.

tests/integration/components is built by `cargo galeed`, with its C rewritten, and as a control by
plain cargo without the host's domain: there the same write corrupts what it is stopped from here.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

from llvm_pass.driver.clang import find_clang
from tests import compiled
from tests.conftest import ROOT, Run, scaled

_HERE = Path(__file__).parent / "components"
_GALEED = [sys.executable, "-P", "-m", "llvm_pass.driver.cargo", "galeed"]
_STACKS = ("thread", "host")
_PLACES = ("state", "message", "heap", "stack")

pytestmark = pytest.mark.skipif(shutil.which("cargo") is None, reason="Rust is not installed")


@pytest.fixture(scope="session")
def programs() -> Path:
    """A folder with the programs `isolated` and `control`."""

    def make(to: Path) -> None:
        build = ["build", "--quiet", "--locked", "--manifest-path", _HERE / "Cargo.toml", "--target-dir"]
        with compiled.cargo_target("galeed") as target:
            compiled.build([*_GALEED, *build, target], {"PYTHONPATH": os.pathsep.join(sys.path)})
            shutil.copy(next(target.glob("*/debug/components")), to / "isolated")
        with compiled.cargo_target("plain") as target:
            compiled.build(["cargo", *build, target, "--no-default-features"])
            shutil.copy(target / "debug" / "components", to / "control")

    versions = [compiled.version(tuple(find_clang().command)), compiled.version(("rustc",))]
    return compiled.kept("components", [*compiled.RUST, _HERE], versions, make)


@pytest.mark.slow
@pytest.mark.parametrize("stack", _STACKS)
def test_messages_move_between_more_components_than_keys(programs: Path, run: Run, backend: str, stack: str) -> None:
    """Each visits three components; every byte is compared, requests and sums are counted on both sides."""
    clients, requests = 4, scaled(20 if stack == "host" else 8, 4)
    done = run([programs / "isolated", "traffic", stack, "40", str(clients), str(requests)], timeout_seconds=300)
    assert (done.code, done.stdout) == (0, f"visits={clients * requests * 3} groups-left=0\n"), done


@pytest.mark.slow
@pytest.mark.parametrize("stack", _STACKS)
@pytest.mark.parametrize("place", _PLACES)
def test_a_component_that_goes_wild_touches_no_other(
    programs: Path, run: Run, backend: str, place: str, stack: str
) -> None:
    """The victim is amid a request, with state and message open. It goes on; the other gets a successor."""
    done = run([programs / "isolated", "wild", place, stack])
    if (place, stack) == ("stack", "thread"):  # the limit that Stack::Host is for
        assert (done.code, done.stdout) == (0, "not stopped\nlost: stack\nover: false\n"), done
        return
    assert (done.code, done.stdout) == (0, "stopped: Boundary\nlost: \nover: true\n"), done
    assert "boundary violation: foreign code in wild_write tried to write memory that it may not" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("place", ["heap", "stack"])
def test_without_isolation_it_does(programs: Path, run: Run, backend: str, place: str) -> None:
    done = run([programs / "control", "wild", place, "thread"])
    assert (done.code, done.stdout) == (0, f"not stopped\nlost: {place}\nover: false\n"), done


@pytest.mark.slow
def test_a_component_that_fails_says_why_and_ends_alone(programs: Path, run: Run, backend: str) -> None:
    """An overrun of its own buffer, a panic, an error: who asked, who asks next and who stops it hear of it."""
    done = run([programs / "isolated", "failures"])
    assert done.code == 0, done
    told = ("Spatial", "the component panicked: as it was asked to", "the component failed: as it was asked to")
    lines = [f"{why}; the component has stopped; {why}; " for why in told]
    assert done.stdout.splitlines() == [*lines, "groups-left=0"]


@pytest.mark.slow
def test_components_whose_library_is_cxx(programs: Path, run: Run, backend: str) -> None:
    """An exception ends its component, with its type as the reason. The library's globals are not parted: what one
    component spoils stops another that follows them, before the host's memory is touched; the rest goes on."""
    done = run([programs / "isolated", "words"])
    assert done.code == 0, done
    threw = "the component panicked: foreign function words_turn threw a C++ exception of type"
    assert done.stdout.splitlines() == [
        "three two one",
        f"{threw} St16invalid_argument",
        f"{threw} i",
        "the component has stopped",
        "holds string small no that words with more one",
        "1",
        "Boundary violation",
        "one",
        "[1, 0] groups-left=0",
    ]
    assert "boundary violation: foreign code in words_turn tried to read memory that it may not" in done.stderr


@pytest.mark.slow
def test_an_exception_on_a_host_stack_ends_the_process(programs: Path, run: Run, backend: str) -> None:
    """With C++'s own last words: unwinding cannot pass from foreign code to a stack of the host's."""
    done = run([programs / "isolated", "words", "host"])
    assert (done.code, done.stdout) == (-signal.SIGABRT, "far\n"), done
    assert "terminate called after throwing an instance of 'std::invalid_argument'" in done.stderr


@pytest.mark.slow
def test_child_processes_end_with_their_component(programs: Path, run: Run, backend: str) -> None:
    """One ends with its input, one by SIGTERM, one that ignores both by SIGKILL; also where the component panics."""
    done = run([programs / "isolated", "children", str(scaled(1500, 4000))])
    assert done.code == 0, done
    ways = "[ByItself, Terminated, Killed] gone=true"
    assert done.stdout.splitlines() == [f"answered=true {ways}", f"answered=false {ways}"]


@pytest.mark.slow
def test_rust_that_touches_what_it_has_not_opened_ends_the_process(programs: Path, run: Run, backend: str) -> None:
    done = run([programs / "isolated", "trespass"])
    assert (done.code, done.stdout) == (-signal.SIGSEGV, ""), done
    assert "which it has not begun for that" in done.stderr


def test_the_page_names_tests_that_exist() -> None:
    page = (ROOT / "pseudoptr" / "docs" / "runtime" / "components.md").read_text()
    named = {word.strip("`.,;()|") for word in page.split() if word.startswith("`test_")}
    assert named
    assert named <= {name for name in globals() if name.startswith("test_")} | {"test_components.py"}


@pytest.mark.slow
@pytest.mark.parametrize("words", [[], ["wild", "moon", "host"], ["traffic", "thread", "x"], ["children"]])
def test_wrong_words_are_one_line(programs: Path, run: Run, words: list[str]) -> None:
    done = run([programs / "isolated", *words])
    assert (done.code, done.stdout, done.stderr.count("\n")) == (2, "", 1), done
