"""The installed C library: what `make install` puts where, and programs built against it.

Everything is found by pkg-config, as a stranger to this checkout would: no include
path or object of ours is given to the compiler.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from llvm_pass.driver.clang import find_clang
from tests.compiled import CSRC, Flavour, build, gcc, kept, version
from tests.conftest import ROOT, Run, environment
from tests.integration.test_examples import EXAMPLES, PRINTS, README

INSTALLED = {
    "lib/libgaleed-mpk.a",
    "lib/pkgconfig/galeed-mpk.pc",
    *(f"include/galeed/mpk{name}.h" for name in ("", "_call", "_harden", "_heap", "_keys", "_scan", "_sites")),
}
HEADERS = sorted(Path(name).name for name in INSTALLED if name.endswith(".h"))


def make(target: str, **variables: object) -> None:
    build(["make", "-C", ROOT, target, *(f"{name}={value}" for name, value in variables.items())])


def tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


def pkg_config(prefix: Path, *words: str) -> list[str]:
    """What it says about an installed copy, as words."""
    env = environment({"PKG_CONFIG_PATH": str(prefix / "lib" / "pkgconfig")})
    command = ["pkg-config", *words, "galeed-mpk"]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout.split()


def clang() -> Flavour:
    return Flavour("clang", tuple(find_clang().command), ("-O2",))


@pytest.fixture(scope="session", params=[gcc, clang], ids=lambda one: str(one.__name__))
def library(request: pytest.FixtureRequest) -> Path:
    """A folder with `prefix`, an installed copy, each example built against it, and `readme`, README's own command."""
    flavour: Flavour = request.param()
    if not shutil.which("pkg-config") or not shutil.which("make"):
        pytest.skip("no pkg-config or no make")
    found = re.search(r"^cc (.* mpk/examples/keys\.c .*) -o build/keys\b", README, re.MULTILINE)
    assert found, "README says no more how C is compiled"
    command = found[1]

    def install(to: Path) -> None:
        prefix = to / "prefix"
        words = {"CC": " ".join(flavour.compiler), "CFLAGS": "-Wall -Wextra -Werror"}
        make("install", PREFIX=prefix, LIBRARY=to / "objects", **words)
        shutil.rmtree(to / "objects")
        include, link = pkg_config(prefix, "--cflags"), pkg_config(prefix, "--libs")
        for one in EXAMPLES.glob("*.c"):
            build([*flavour.words, *include, one, *link, "-o", to / one.stem])
        for header in HEADERS:
            for language in ("c", "c++"):
                standard = ("-std=c11" if language == "c" else "-std=c++17", "-pedantic-errors")
                parse = ("-fsyntax-only", *include, "-x", language, prefix / "include" / "galeed" / header)
                if flavour.name == "clang" or language == "c":  # g++ is a package of its own
                    build([*flavour.compiler, *standard, *parse])
        env = {"PKG_CONFIG_PATH": str(prefix / "lib" / "pkgconfig"), "OUT": str(to / "readme")}
        build(["sh", "-c", f'cd "$0" && {" ".join(flavour.compiler)} {command} -o "$OUT"', ROOT], env)

    inputs = [CSRC, EXAMPLES, ROOT / "Makefile", ROOT / "mpk" / "library.mk"]
    return kept(f"library-{flavour.name}", inputs, [*flavour.words, command, version(flavour.compiler)], install)


@pytest.mark.parametrize("name", PRINTS)
def test_examples_run_with_the_installed_library(backend: str, library: Path, run: Run, name: str) -> None:
    outcome = run([library / name])
    assert outcome.code == 0, outcome
    assert re.fullmatch(PRINTS[name].format(backend), outcome.stdout, re.DOTALL), outcome


def test_the_command_of_readme(backend: str, library: Path, run: Run) -> None:
    outcome = run([library / "readme"])
    assert outcome.code == 0 and re.fullmatch(PRINTS["keys"].format(backend), outcome.stdout, re.DOTALL), outcome


def test_what_is_installed(library: Path) -> None:
    assert tree(library / "prefix") == INSTALLED


def test_names_are_our_own(library: Path) -> None:
    """The archive defines nothing that another library or a program might."""
    if not shutil.which("nm"):
        pytest.skip("no nm")
    archive = library / "prefix" / "lib" / "libgaleed-mpk.a"
    listed = subprocess.run(["nm", "-g", "--defined-only", archive], capture_output=True, text=True, check=True)
    names = re.findall(r"^[0-9a-f]+ \w (\S+)$", listed.stdout, re.MULTILINE)
    assert "mpk_start" in names
    assert [name for name in names if not re.match(r"_?mpk_|galeed_", name)] == []


def test_uninstall_leaves_what_was_there(library: Path, tmp_path: Path) -> None:
    staged = tmp_path / "root" / "opt"
    shutil.copytree(library / "prefix", staged)
    other = staged / "include" / "galeed" / "galeed.h"
    other.write_text("/* another package's */\n")
    make("uninstall", PREFIX="/opt", DESTDIR=tmp_path / "root")
    assert tree(staged) == {"include/galeed/galeed.h"}
    other.unlink()
    make("uninstall", PREFIX="/opt", DESTDIR=tmp_path / "root")
    assert not other.parent.exists()


def test_destdir_is_not_in_what_is_installed(tmp_path: Path) -> None:
    """Packagers install below a folder that is gone later."""
    if not shutil.which("make"):
        pytest.skip("no make")
    make(f"{tmp_path}/galeed-mpk.pc", LIBRARY=tmp_path, PREFIX="/opt", DESTDIR="/stage", LIBDIR="/opt/lib64")
    said = (tmp_path / "galeed-mpk.pc").read_text()
    assert "/stage" not in said and "\nlibdir=${prefix}/lib64\n" in said and said.startswith("prefix=/opt\n")


@pytest.mark.parametrize(
    ("variables", "why"),
    [
        (["PREFIX=below"], "is no absolute path"),
        (["PREFIX=/opt", "LIBDIR=lib64"], "is no absolute path"),
        (["PREFIX=/opt/two words"], "has characters"),
        (["PREFIX=/opt/back\\slash"], "has characters"),
    ],
    ids=["prefix", "libdir", "space", "backslash"],
)
def test_a_path_that_no_other_build_could_use_is_refused_in_a_line(
    tmp_path: Path, variables: list[str], why: str
) -> None:
    """The pkg-config file would hold it."""
    if not shutil.which("make"):
        pytest.skip("no make")
    for target in ("install", "uninstall", f"{tmp_path}/galeed-mpk.pc"):
        command = ["make", "-C", str(ROOT), target, f"LIBRARY={tmp_path}", f"DESTDIR={tmp_path}/", *variables]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 2 and why in done.stderr, done
    assert tree(tmp_path) == set()
