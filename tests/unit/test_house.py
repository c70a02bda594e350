"""The house itself: wheel, source archive, commands, compilers, Makefile, references.

Builds run without isolation and without network, with the interpreter's own
setuptools and cffi, into a temporary folder: a copy of the tracked files.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import ROOT, environment

if TYPE_CHECKING:
    from tests.conftest import Run

COMMANDS = {
    "galeed-probe",
    "galeed-report",
    "galeed-opt",
    "galeed-cc",
    "galeed-c++",
    "galeed-ar",
    "cargo-galeed",
    "galeed-audit",
    "galeed-lab",
}
LIBRARY = """
import os, mpk, mpk._native
assert mpk._native.__file__.startswith(os.environ["PYTHONPATH"]), mpk._native.__file__
with mpk.Domain() as domain:
    text = domain.allocate(3)
    domain.write(text, b"abc")
    print(domain.read(text))
"""


def tracked(*patterns: str) -> list[Path]:
    """Files of the project as git knows them, and still there."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", *patterns], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tracked files: builds leave the real tree alone."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    target = tmp_path_factory.mktemp("checkout")
    for source in tracked():
        copy = target / source.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(source.read_bytes())
    return target


def build(kind: str, checkout: Path, output: Path) -> Path:
    """Calls the build backend's hook, as pip would. kind: "wheel" or "sdist"."""
    code = f"import sys; from setuptools.build_meta import build_{kind} as build; print(build(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(output)],
        cwd=checkout,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return output / done.stdout.splitlines()[-1]


def test_wheel(checkout: Path, tmp_path: Path, run: Run) -> None:
    wheel = build("wheel", checkout, tmp_path)
    assert re.fullmatch(r"galeed-0\.1\.0-cp311-abi3-linux_\w+\.whl", wheel.name)
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(tmp_path / "site")
    assert {"mpk/_native.abi3.so", "mpk/csrc/mpk.h", "pseudoptr/include/galeed.h", "mpk/py.typed"} <= names
    assert {name.split("/")[0] for name in names} == {
        "mpk",
        "pseudoptr",
        "llvm_pass",
        "audit",
        "experiments",
        "galeed-0.1.0.dist-info",
    }
    assert not [name for name in names if name.startswith("mpk/") and name.endswith((".c", ".rs"))]
    scripts = (tmp_path / "site/galeed-0.1.0.dist-info/entry_points.txt").read_text()
    assert set(re.findall(r"^([\w+-]+) = ", scripts, re.MULTILINE)) == COMMANDS
    outcome = run([sys.executable, "-P", "-c", LIBRARY], env={"PYTHONPATH": str(tmp_path / "site")}, cwd=tmp_path)
    assert (outcome.code, outcome.stdout) == (0, "b'abc'\n"), str(outcome)


def test_sdist_builds_a_wheel(checkout: Path, tmp_path: Path) -> None:
    sdist = build("sdist", checkout, tmp_path)
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
        archive.extractall(tmp_path, filter="data")
    wanted = {
        str(path.relative_to(ROOT))
        for path in tracked("mpk", "pseudoptr", "llvm_pass", "audit", "Cargo.*", "LICENSE-*")
    }
    assert wanted <= names, sorted(wanted - names)
    assert build("wheel", tmp_path / "galeed-0.1.0", tmp_path).exists()


def test_without_a_system_compiler_ziglang_is_required_and_used(checkout: Path, tmp_path: Path, run: Run) -> None:
    nowhere = {"PATH": str(tmp_path / "nowhere"), "CC": None}
    asked = "from setuptools.build_meta import get_requires_for_build_wheel as get; print(get())"
    outcome = run([sys.executable, "-c", asked], env=nowhere, cwd=checkout)
    assert outcome.stdout.splitlines()[-1] == "['ziglang==0.17.*']", str(outcome)
    outcome = run([sys.executable, "-c", asked], cwd=checkout)
    assert outcome.stdout.splitlines()[-1] == "[]", str(outcome)
    built = tmp_path / "built"
    output = ["--build-lib", str(built), "--build-temp", str(tmp_path)]
    command = [sys.executable, "setup.py", "--quiet", "build_ext", *output]
    outcome = run(command, env=nowhere, cwd=checkout, timeout_seconds=300)
    assert outcome.code == 0, str(outcome)
    (native,) = built.glob("mpk/_native*.so")
    comment = run(["readelf", "-p", ".comment", native]).stdout
    assert "clang version 22" in comment, comment
    for file in (checkout / "mpk").glob("*.py"):
        (built / "mpk" / file.name).write_bytes(file.read_bytes())
    outcome = run([sys.executable, "-P", "-c", LIBRARY], env={"PYTHONPATH": str(built)}, cwd=tmp_path)
    assert (outcome.code, outcome.stdout) == (0, "b'abc'\n"), str(outcome)


def test_a_compiler_that_does_not_exist_is_named(checkout: Path, run: Run) -> None:
    outcome = run([sys.executable, "setup.py", "build_ext"], env={"CC": "no-such-cc -m64"}, cwd=checkout)
    assert outcome.code != 0
    assert outcome.stderr.splitlines()[-1].startswith("galeed: CC=no-such-cc -m64: ")


def test_the_native_part_needs_no_python_headers(checkout: Path, tmp_path: Path, run: Run) -> None:
    """Debian ships Python.h apart from Python: the interpreter's include folder must not be read."""
    output = ["--build-lib", str(tmp_path / "built"), "--build-temp", str(tmp_path)]
    outcome = run([sys.executable, "setup.py", "build_ext", *output], cwd=checkout, env={"CC": "cc -H"})
    assert outcome.code == 0, str(outcome)
    read = {line.rpartition(" ")[2] for line in outcome.stderr.splitlines() if line.startswith(".")}
    pythons = {Path(name).parent.name for name in read if Path(name).name == "Python.h"}
    assert pythons == {"stable_abi"}, pythons


def test_every_command_is_installed_and_has_help(run: Run) -> None:
    installed = {script.name: script for script in entry_points(group="console_scripts") if script.name in COMMANDS}
    assert set(installed) == COMMANDS
    for name, script in installed.items():
        assert script.load() is not None, name
    for name in COMMANDS - {"cargo-galeed", "galeed-cc", "galeed-c++", "galeed-ar"}:
        outcome = run([Path(sys.executable).parent / name, "--help"])
        assert outcome.code == 0, str(outcome)
        assert "usage" in outcome.stdout.lower(), str(outcome)


def test_runtime_dependencies_have_a_range_and_a_reason() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    for dependency in tomllib.loads(text)["project"]["dependencies"]:
        assert re.search(r"(==.+\*|>=.+,<.+)$", dependency), f"{dependency}: no upper bound"
        assert re.search(rf'"{re.escape(dependency)}",\s+# \w+', text), f"{dependency}: no reason"


def test_make_lists_its_targets(run: Run) -> None:
    outcome = run(["make", "-s"], cwd=ROOT)
    assert outcome.code == 0, str(outcome)
    for target in ("help", "setup", "demo", "test", "test-pku", "check", "bench", "clean"):
        assert re.search(rf"^  make {target} +\w", outcome.stdout, re.MULTILINE), target


def test_make_says_what_is_missing(tmp_path: Path, run: Run) -> None:
    """Without Rust, without Python: one line, and no half-made state."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("bash", "make", "find", "env", "sh"):
        found = next(Path(folder) / name for folder in ("/usr/bin", "/bin") if (Path(folder) / name).exists())
        (tools / name).symlink_to(found)
    bare = {"PATH": str(tools)}
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "mpk/csrc").mkdir(parents=True)
    for name in ("Makefile", "mpk/library.mk", "pyproject.toml", "setup.py"):
        (copy / name).write_bytes((ROOT / name).read_bytes())
    (copy / "mpk/_build.py").touch()
    outcome = run(["make", "-s", "setup"], env=bare, cwd=copy)
    assert outcome.code == 2, str(outcome)
    assert "rustup.rs" in outcome.stderr, str(outcome)
    outcome = run(["make", "-s", ".venv/bin/python"], env=bare, cwd=copy)
    assert outcome.code == 2, str(outcome)
    assert "no python3 in PATH" in outcome.stderr, str(outcome)
    assert not (copy / ".venv").exists()


def test_short_references_resolve() -> None:
    """Every [source] that a file's opening names has its row in REFERENCES.md."""
    rows = (ROOT / "REFERENCES.md").read_text()
    known = tuple(re.findall(r"^\| ([^|]+?) \|", rows, re.MULTILINE))
    unknown = []
    for file in tracked("mpk/*.py", "mpk/csrc"):
        opening = re.match(r'(/\*.*?\*/|""".*?""")', file.read_text(), re.DOTALL)
        for source in re.findall(r"\[([A-Z][^\]\n]*|[a-z_]+\(\d\)[^\]\n]*)\]", opening.group()) if opening else ():
            if not source.startswith(known):
                unknown.append(f"{file.relative_to(ROOT)}: [{source}]")
    assert not unknown


def test_every_assumption_is_in_the_threat_model() -> None:
    """Each file that says ASSUMES has its row in THREAT_MODEL.md, and each row its file."""
    sources = tracked("*.c", "*.h", "*.rs", "*.py", "*.in")
    assuming = {
        str(path.relative_to(ROOT))
        for path in sources
        if "tests" not in path.parts and re.search(r"\bASSUMES: ", path.read_text(encoding="utf-8"))
    }
    rows = re.findall(r"(?m)^\| `([^`]+)` \|", (ROOT / "THREAT_MODEL.md").read_text(encoding="utf-8"))
    assert assuming
    assert set(rows) == assuming


def test_the_pages_of_the_runtime_name_tests_that_exist() -> None:
    defined = {
        name
        for path in (ROOT / "tests" / "integration").glob("test_*.py")
        for name in (path.name, *re.findall(r"^def (test_\w+)\(", path.read_text(), re.MULTILINE))
    }
    for page in (ROOT / "pseudoptr" / "docs" / "runtime").glob("*.md"):
        named = set(re.findall(r"\b(test_\w+(?:\.py)?)", page.read_text()))
        assert named, page
        assert named <= defined, (page, named - defined)
