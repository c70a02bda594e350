"""Typed leases: rewritten C and C++ writes what a Rust type holds, and what it does not.

tests/integration/typed: src/ is the host, foreign.c and foreign.cpp the library, whose header the
host's build script makes of the Rust types.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from llvm_pass.driver.clang import find_clang
from tests import compiled
from tests.conftest import ROOT, Outcome, Run, environment

_HERE = Path(__file__).parent / "typed"
_LEVELS = ("-O0", "-O2")
_WARNINGS = ("-g", "-Wall", "-Wextra", "-Werror")
_INCLUDE = (f"-I{ROOT / 'pseudoptr' / 'include'}", f"-I{ROOT / 'mpk' / 'csrc'}")
_BYTES_BEFORE_VERSION = 48


def _needs_cargo() -> None:
    if shutil.which("cargo") is None:
        pytest.skip("cargo is not in PATH")


def _host(target: Path) -> Path:
    """Builds the host; the folder with the header that its build script wrote."""
    cargo = ["cargo", "build", "--locked", "--message-format=json", "--manifest-path", str(_HERE / "Cargo.toml")]
    changes = environment({"CARGO_TARGET_DIR": str(target)})
    done = subprocess.run(cargo, env=changes, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    folders = [each["out_dir"] for each in told if each["reason"] == "build-script-executed"]
    return next(Path(each) for each in folders if (Path(each) / "types.h").exists())


@pytest.fixture(scope="session", params=_LEVELS)
def program(request: pytest.FixtureRequest) -> Path:
    """The program at one level of optimisation."""
    _needs_cargo()
    level = str(request.param)
    driver = (sys.executable, "-P", "-m", "llvm_pass.driver.cc")

    def make(to: Path) -> None:
        with compiled.cargo_target("plain") as target:
            header = _host(target)
            objects = []
            for kind, standard, source in (("c", "-std=c11", "foreign.c"), ("c++", "-std=c++17", "foreign.cpp")):
                objects.append(to / f"{source}.o")
                words = [*driver, kind, standard, *_WARNINGS, level, *_INCLUDE, f"-I{header}", "-c", _HERE / source]
                compiled.build([*words, "-o", objects[-1]], {"PYTHONPATH": str(ROOT)})
            runtime = [target / "debug" / "libtyped_host.a", "-lpthread", "-ldl", "-lm"]
            compiled.build([*find_clang().driver(True), *objects, *runtime, "-o", to / "program"])

    versions = [compiled.version(tuple(find_clang().driver(True))), compiled.version(("rustc",))]
    words = [*_WARNINGS, level, *versions]
    return compiled.kept(f"typed-leases{level}", [*compiled.RUST, _HERE], words, make) / "program"


def _ask(run: Run, program: Path, scenario: int, value: int) -> Outcome:
    return run([program, str(scenario), str(value)], env={"GALEED_ON_VIOLATION": "unwind"})


# Scenario, value, what C returns, a part of what has become of the value.
_GOOD = (
    (0, 33, "3033", "percent: 33, flag: false, mode: On, text: [97, 98,"),
    (1, 100, "100", "percent: 100,"),
    (2, 1, "1", "flag: true,"),
    (3, 7, "7", "mode: On,"),
    (4, -10, "-10", "Limits { low: -10,"),
    (8, _BYTES_BEFORE_VERSION, "40", "percent: 40, flag: true, mode: On, text: [99, 111,"),
    (10, 1234, "4", "text: [49, 50, 51, 52, 0,"),
    (11, 50, "50", "percent: 100,"),
    (12, 0, "51", "next: None,"),
    (15, 0, "17", "text: [115, 101,"),
    (100, 77, "80", "limits: [Limits { low: 0, high: 12 }"),
)

# Scenario, value, kind and field of the violation.
_BAD = (
    (0, 101, "type", "Config.percent"),
    (1, 0, "type", "Config.percent"),
    (1, 101, "type", "Config.percent"),
    (2, 2, "type", "Config.flag"),
    (3, 0, "type", "Config.mode"),
    (4, 11, "type", "Config.limits[1].low"),
    (5, 3, "rights", "Config.version"),
    (6, 0, "rights", "Config.secret"),
    (7, 0, "rights", "Config.secret"),
    (8, 80, "rights", "Config.version"),
    (9, 0x7F, "type", "Config.percent"),
    (11, 51, "type", "Config.percent"),
    (13, 0x1234, "type", "Config.next"),
    (14, 1, "type", "Config.percent"),
    (16, 5, "type", "Config.flag"),
    (100, 0, "type", "Config.percent"),
)


@pytest.mark.slow
def test_what_the_type_holds_is_written(program: Path, run: Run, backend: str) -> None:
    for scenario, value, returned, part in _GOOD:
        done = _ask(run, program, scenario, value)
        assert done.code == 0, f"{backend} {scenario}: {done}"
        assert done.stdout.splitlines()[0] == returned, f"{scenario}: {done}"
        assert part in done.stdout, f"{scenario}: {done}"
        assert "violation" not in done.stderr


@pytest.mark.slow
def test_what_it_does_not_hold_is_refused_and_nothing_changes(program: Path, run: Run, backend: str) -> None:
    for scenario, value, kind, field in _BAD:
        done = _ask(run, program, scenario, value)
        assert done.code == 0, f"{backend} {scenario}: {done}"
        first, *changed = done.stdout.splitlines()
        assert first.startswith(f"{kind} violation in foreign"), f"{scenario}: {done}"
        assert f"({field})" in first, f"{scenario}: {done}"
        assert changed == [], f"{scenario}: {done}"


@pytest.mark.parametrize(("cxx", "standard"), [(False, "c11"), (True, "c++11"), (True, "c++17")])
def test_a_header_of_every_kind_of_field_is_clean(tmp_path: Path, cxx: bool, standard: str) -> None:
    """The example's, which is also how a header is had by a command."""
    _needs_cargo()
    cargo = ["cargo", "run", "--quiet", "--package", "galeed", "--example", "foreign_header"]
    done = subprocess.run(cargo, cwd=ROOT, env=environment({}), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (tmp_path / "types.h").write_text(done.stdout)
    driver = [*find_clang().driver(cxx), f"-std={standard}", *_WARNINGS, "-Wpedantic", *_INCLUDE, "-fsyntax-only"]
    name = "use.cpp" if cxx else "use.c"
    for body, is_good in (
        ("void f(Config *c) { Config_set_verbose(c, !Config_get_verbose(c)); }", True),
        ("void f(Config *c) { Config_set_version(c, 1); }", False),  # read-only
        ("void f(Config *c) { Config_get_secret(c); }", False),  # hidden
        ("void f(Config *c) { Config d; (void)d; (void)c; }", False),  # the host makes them
        ("void f(Config *c) { Config d = *c; (void)d; }", False),
    ):
        (tmp_path / name).write_text(f'#include "types.h"\nvoid f(Config *c);\n{body}\n')
        checked = subprocess.run([*driver, tmp_path / name], capture_output=True, text=True, check=False)
        assert (checked.returncode == 0) == is_good, f"{body}: {checked.stderr}"
