"""The part CODE of hardening: gadgets taken out or refused by name, text private and sealed.

The program lies in tests/native/code; each case is a process. Whether gates work
afterwards is asked on each backend, the rest is about code alone.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import compiled
from tests.compiled import CSRC, FLAVOURS, NATIVE
from tests.conftest import Outcome, Run

REFUSED = 3
STOPPED = 4
QUIET = ["-static-pie", "-DSTATIC", "-w", "-Wl,--no-warnings"]  # dlopen in a static program is warned about
VARIANTS = {
    "now": ["-Wl,-z,now"],
    "lazy": ["-Wl,-z,lazy"],
    "whole": ["-DWHOLE"],
    "inside": ["-DINSIDE"],
    "base": ["-DBASE"],
    "fixed": ["-no-pie"],
    "static": QUIET,
}
LIBRARIES = {
    "tls": ("static __thread int kept = 7;\nint *spare(void) { return &kept; }\n", ["-mtls-dialect=gnu2"]),
    "needs": ('void needs_rights(void) { __asm__ volatile("wrpkru" : : "a"(0), "c"(0), "d"(0)); }\n', []),
    # Its text lies at its offset in the file.
    "spare": ("int spare(int a) { return a * 3 + 1; }\n", ["-Wl,-z,noseparate-code"]),
}
Case = Callable[..., Outcome]


@pytest.fixture(scope="session", params=FLAVOURS)
def folder(request: pytest.FixtureRequest) -> Path:
    """The program in its variants, and libraries to load."""
    flavour = FLAVOURS[request.param]()
    objects = compiled.runtime(flavour)

    def make(to: Path) -> None:
        command = [*flavour.words, "-I", CSRC, "-I", NATIVE / "core", NATIVE / "code" / "code.c", *objects, "-lm"]
        compiled.build_all([*command, *flags, "-o", to / name] for name, flags in VARIANTS.items())
        for name, (text, flags) in LIBRARIES.items():
            source = to / f"{name}.c"
            source.write_text(text)
            compiled.build([*flavour.compiler, "-O2", "-shared", "-fPIC", *flags, source, "-o", to / f"lib{name}.so"])

    inputs = [CSRC, NATIVE / "code", *(NATIVE / "core").glob("*.h")]
    words = [*flavour.words, compiled.version(flavour.compiler), repr((VARIANTS, LIBRARIES))]
    return compiled.kept(f"code-{flavour.name}", inputs, words, make)


@pytest.fixture
def case(folder: Path, run: Run) -> Case:
    def call(variant: str, *words: str | Path) -> Outcome:
        return run([folder / variant, *words])

    return call


@pytest.mark.parametrize("variant", ["now", "lazy"])
@pytest.mark.parametrize("what", ["applied", "threads", "discard", "lazily-bound"])
def test_what_holds_afterwards(case: Case, variant: str, what: str) -> None:
    outcome = case(variant, what)
    assert (outcome.code, outcome.stdout) == (0, "done\n"), outcome


def test_a_static_program_holds_the_resolvers_itself(case: Case) -> None:
    outcome = case("static", "threads")
    assert (outcome.code, outcome.stdout) == (0, "done\n"), outcome


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be somebody else")
def test_nobody_may_do_it(folder: Path) -> None:
    copy = Path(f"/tmp/galeed-{os.getpid()}-now")  # where nobody may go
    shutil.copy(folder / "now", copy)
    try:
        done = subprocess.run([copy, "applied"], user=65534, group=65534, capture_output=True, text=True, check=False)
    finally:
        copy.unlink()
    assert (done.returncode, done.stdout) == (0, "done\n"), done


def test_gates_go_on_working(backend: str, case: Case) -> None:
    outcome = case("now", "gates")
    assert (outcome.code, outcome.stdout) == (0, "done\n"), outcome


def test_the_librarys_pkey_set_is_gone(case: Case) -> None:
    outcome = case("now", "pkey-set")
    assert (outcome.code, outcome.stdout) == (-signal.SIGILL, "calling\n"), outcome


def test_what_is_left_of_an_xrstor_tests_what_it_loads(case: Case) -> None:
    outcome = case("lazy", "attack-xrstor")
    assert (outcome.code, outcome.stdout) == (STOPPED, "stopped at the test\n"), outcome


@pytest.mark.parametrize(
    ("variant", "what", "words"),
    [
        ("now", "writable", ["is writable and executable"]),
        ("now", "execute-only", ["execute-only"]),
        ("now", "shared", ["memfd:alias", "executable and shared"]),
        ("now", "across", ["WRPKRU at 0x", "fff in no loaded object"]),
        ("now", "shortened", ["memfd:short", "cannot be read (Bad address)"]),
        ("now", "no-mseal", ["no mseal (Function not implemented)", "Linux 6.10"]),
        ("now", "mseal-faked", ["no mseal (somebody fakes it)"]),
        ("now", "read-implies-exec", ["READ_IMPLIES_EXEC"]),
        ("whole", "plain", ["WRPKRU", "in the program+0x", "somebody may need this instruction"]),
        ("inside", "plain", ["WRPKRU", "offset 1)", "lies inside another instruction"]),
        ("base", "plain", ["WRGSBASE", "somebody may need this instruction"]),
        ("fixed", "plain", ["WRPKRU", "32-bit code can reach it", "PIE"]),
    ],
)
def test_what_is_refused_by_name(case: Case, variant: str, what: str, words: list[str]) -> None:
    outcome = case(variant, what)
    assert outcome.code == REFUSED, outcome
    assert outcome.stdout.startswith("code: "), outcome
    assert outcome.stdout.count("\n") == 1
    for word in words:
        assert word in outcome.stdout, outcome


def test_a_gadget_in_a_library_names_it(case: Case, folder: Path) -> None:
    outcome = case("now", "load", folder / "libneeds.so")
    assert outcome.code == REFUSED, outcome
    assert "libneeds.so+0x" in outcome.stdout, outcome
    assert "(function needs_rights at +0x" in outcome.stdout


def test_tls_descriptors_are_no_obstacle(case: Case, folder: Path) -> None:
    outcome = case("now", "load", folder / "libtls.so")
    assert outcome.code == 0, outcome


@pytest.mark.parametrize(("what", "gadgets"), [("rewrite-undefended", 1), ("rewrite", 0)])
def test_a_rewritten_file_does_not_show_through(
    case: Case, folder: Path, tmp_path: Path, what: str, gadgets: int
) -> None:
    """A clean page of a private mapping is the file's: without hardening the change is seen."""
    library = Path(shutil.copy(folder / "libspare.so", tmp_path))
    outcome = case("now", what, library)
    assert (outcome.code, outcome.stdout) == (0, f"{gadgets}\ndone\n"), outcome
