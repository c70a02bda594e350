"""cargo galeed on real crates: cc, make, cmake, C++, assembler, zlib, prebuilt code.

One target directory serves all tests of the session, as a user's would.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from llvm_pass.driver import cargo, cargo_environment, inspect_objects
from llvm_pass.driver.cargo_environment import Place
from llvm_pass.driver.clang import Clang, find_clang
from llvm_pass.driver.errors import DriverError
from llvm_pass.policy import load
from tests import compiled
from tests.conftest import Outcome, Run, environment

CRATES = Path(__file__).parent / "crates"
COMMAND = [sys.executable, "-P", "-m", "llvm_pass.driver.cargo", "galeed"]
BUILD_SECONDS = 900

pytestmark = [
    pytest.mark.skipif(shutil.which("cargo") is None, reason="Rust is not installed"),
]


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("target")


Galeed = Callable[..., Outcome]


@pytest.fixture
def galeed(target: Path, run: Run) -> Galeed:
    """Runs `cargo galeed ...` in the crates' workspace."""

    def call(*words: str, cwd: Path = CRATES, env: dict[str, str | None] | None = None) -> Outcome:
        changes = {"PYTHONPATH": os.pathsep.join(sys.path), "CARGO_TARGET_DIR": str(target), **(env or {})}
        done = run([*COMMAND, *words], cwd=cwd, env=changes, timeout_seconds=BUILD_SECONDS)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    return call


def one_line_refusal(outcome: Outcome, *parts: str) -> None:
    assert outcome.code == 2, outcome
    assert outcome.stdout == ""
    assert outcome.stderr.startswith("cargo-galeed: ")
    assert outcome.stderr.count("\n") == 1, outcome.stderr
    for part in parts:
        assert part in outcome.stderr


@pytest.fixture(scope="session")
def app() -> Path:
    """The program `app` as `cargo galeed build` makes it, kept: it runs on each backend."""

    def make(to: Path) -> None:
        with compiled.cargo_target("galeed") as target:
            changes = {"PYTHONPATH": os.pathsep.join(sys.path), "CARGO_TARGET_DIR": str(target)}
            compiled.build([*COMMAND, "build", "-q", "--manifest-path", CRATES / "Cargo.toml"], changes)
            shutil.copy(target / "x86_64-unknown-linux-gnu" / "debug" / "app", to)

    versions = [compiled.version(tuple(find_clang().command)), compiled.version(("rustc",))]
    return compiled.kept("cargo-galeed-app", [*compiled.RUST, CRATES], versions, make) / "app"


def test_works_isolated(app: Path, run: Run, backend: str) -> None:
    done = run([app, "work"])
    assert (done.code, done.stdout) == (0, "5001 360 7\n"), done


def test_attacks_are_stopped(app: Path, run: Run, backend: str) -> None:
    for attack, violation in (("overflow", "spatial"), ("stale", "boundary")):
        done = run([app, attack])
        assert done.code == -signal.SIGABRT, done
        assert "unnoticed" not in done.stdout
        assert f"{violation} violation" in done.stderr


def test_undefended_the_overflow_goes_unnoticed(target: Path) -> None:
    """The control: the same program by plain cargo."""
    done = subprocess.run(
        ["cargo", "run", "-q", "--", "overflow"],
        cwd=CRATES,
        env=environment({"CARGO_TARGET_DIR": str(target / "plain")}),
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
    )
    assert done.stdout == "unnoticed\n", done


def test_report_and_its_json_also_on_cached_builds(galeed: Galeed, target: Path) -> None:
    assert galeed("build").code == 0
    done = galeed("build", "--json")
    assert done.code == 0
    summary = json.loads(done.stdout)
    sources = {record["source"]: record for record in summary["sources"]}
    assert sources["c/app.c"]["rewritten"] is True
    assert sources["c/words.cpp"]["rewritten"] is True
    assert sources["src/zlib/inflate.c"]["package"] == "libz-sys 1.1.8"
    assert sources["c/seven.S"]["rewritten"] is False
    assert "assembler" in sources["c/seven.S"]["reason"]
    assert "build machine" in sources["maker.c"]["reason"]
    assert not any("flag_check" in name for name in sources)
    libraries = {record["name"]: record for record in summary["libraries"]}
    assert libraries["z"]["rewritten"] is True
    assert libraries["app"]["rewritten"] is False
    assert [name for name in libraries["app"]["objects"] if name.endswith("seven.o")]
    assert not any(name.startswith("galeed") for name in libraries)
    program = next(record for record in summary["programs"] if record["target"] == "app")
    assert program["allocator"] is True
    assert Path(program["path"]) == target / "debug" / "app"
    assert subprocess.run([program["path"], "x"], capture_output=True, text=True, check=True).stdout == '["x"]\n'
    for words in ("libz-sys 1.1.8: 15 rewritten", "not rewritten: c/seven.S: assembler", "not rewritten: maker.c"):
        assert words in done.stderr


def test_status_signal_and_arguments_pass(galeed: Galeed) -> None:
    assert galeed("run", "--", "exit", "9").code == 9
    assert galeed("run", "--", "kill").code == -signal.SIGABRT
    done = galeed("run", "--quiet", "--", "a b", "--json")
    assert done.stdout == '["a b", "--json"]\n'
    (warning,) = done.stderr.splitlines()  # the assembler that Rust calls, and nothing else
    assert warning.startswith("warning: app 0.1.0: library app: 1 of 2 objects not rewritten; called from Rust")


def test_tests_run(galeed: Galeed) -> None:
    done = galeed("test")
    assert done.code == 0, done
    assert "cxx_counts ... ok" in done.stdout
    assert "through_zlib ... ok" in done.stdout
    failing = galeed("test", "--test", "zlib", "--", "--ignored")
    assert failing.code == 101
    assert "asked to" in failing.stdout


def test_make_cmake_and_prebuilt(galeed: Galeed) -> None:
    done = galeed("run", "-p", "made", "--json")
    assert done.code == 0, done
    summary, _, rest = done.stdout.rpartition("}\n")
    assert rest == "16 15 1\n"
    report = json.loads(summary + "}")
    sources = {record["source"]: record["rewritten"] for record in report["sources"]}
    assert sources == {"c/made.c": True, "c/cmade.c": True, "c/generator.c": True}
    libraries = {record["name"]: record for record in report["libraries"]}
    assert libraries["made"]["rewritten"] is True
    assert libraries["cmade"]["rewritten"] is True
    assert libraries["prebuilt"]["rewritten"] is False
    assert libraries["prebuilt"]["objects"] == ["prebuilt.o"]
    assert "warning: made 0.1.0: library prebuilt: static library not compiled by galeed-cc" in done.stderr
    assert done.stderr.count("library prebuilt") == 1
    assert "shared library" in libraries["stdc++"]["detail"]


def test_another_allocator_is_refused_after_linking(galeed: Galeed, target: Path) -> None:
    for command in ("build", "run"):
        done = galeed(command, "-p", "forgetful")
        assert done.code == 2
        assert "not isolated" not in done.stdout
        assert str(target / "x86_64-unknown-linux-gnu" / "debug" / "forgetful") in done.stderr
        assert "static HEAP: galeed::Heap = galeed::Heap;" in done.stderr
        assert "src/main.rs" in done.stderr
        assert not (target / "debug" / "forgetful").exists()


def test_a_stranger_is_refused_before_building(galeed: Galeed, target: Path) -> None:
    done = galeed("build", "-p", "stranger")
    assert done.code == 2
    assert 'galeed = { path = "' in done.stderr
    assert "Compiling" not in done.stderr
    assert not list(target.rglob("stranger*"))
    assert galeed("build", cwd=CRATES / "stranger").code == 2
    assert "`stranger`" in galeed("test", "--workspace").stderr


def test_stripped_programs_are_noted(galeed: Galeed) -> None:
    done = galeed("build", "--profile", "stripped")
    assert done.code == 0, done
    assert "stripped" in done.stderr


def alone(folder: Path) -> None:
    """A workspace with nothing but crate `made` in it."""
    shutil.copytree(CRATES / "made", folder / "made")
    manifest = (CRATES / "Cargo.toml").read_text().replace('"app", "made", "maker", "forgetful", "stranger"', '"made"')
    manifest = manifest.replace('default-members = ["app"]\n', "").replace("../../..", str(CRATES.parents[2]))
    (folder / "Cargo.toml").write_text(manifest)


def test_a_program_that_never_names_galeed_is_told_the_two_lines(galeed: Galeed, tmp_path: Path) -> None:
    """rustc then leaves the crate out, and the linker misses the gates: its words alone would help nobody."""
    alone(tmp_path)
    main = tmp_path / "made" / "src" / "main.rs"
    text = main.read_text()
    main.write_text(text.replace("#[global_allocator]\nstatic HEAP: galeed::Heap = galeed::Heap;\n", ""))
    assert main.read_text() != text
    done = galeed("run", cwd=tmp_path)
    assert done.code == 2, done
    assert "galeed_gate" in done.stderr, "the linker's own words are kept"
    last = done.stderr[done.stderr.rindex("cargo-galeed: ") :]
    assert str(main) in last
    assert "static HEAP: galeed::Heap = galeed::Heap;" in last


def test_compile_errors_keep_cargos_status(galeed: Galeed, tmp_path: Path) -> None:
    alone(tmp_path)
    (tmp_path / "made" / "c" / "made.c").write_text("int made_square(")
    done = galeed("build", cwd=tmp_path)
    assert done.code == 101
    assert "made.c:1:" in done.stderr


def test_rustcs_diagnostics_are_shown_once(galeed: Galeed, tmp_path: Path) -> None:
    alone(tmp_path)
    main = tmp_path / "made" / "src" / "main.rs"
    main.write_text(main.read_text() + 'fn unused() -> u8 { "text" }\n')
    plain = galeed("build", cwd=tmp_path)
    assert plain.code == 101
    assert plain.stdout == ""
    assert plain.stderr.count("error[E0308]: mismatched types") == 1
    assert "\x1b" not in plain.stderr
    assert "\x1b[" in galeed("build", "--color", "always", cwd=tmp_path).stderr


def test_check_is_plain_cargo_and_says_so(galeed: Galeed) -> None:
    done = galeed("check", "-p", "stranger")
    assert done.code == 0
    assert "plain cargo" in done.stderr


@pytest.mark.parametrize(
    ("words", "env", "parts"),
    [
        (["build"], {"CARGO": None, "PATH": "/nowhere"}, ["no cargo", "rustup.rs"]),
        (["build"], {"CARGO": "/nowhere/cargo"}, ["no cargo"]),
        (["build"], {"RUSTC": "/nowhere/rustc"}, ["no rustc"]),
        (["build"], {"RUSTC": "/bin/false"}, ["/bin/false does not work"]),
        (["build"], {"GALEED_CLANG": "/nowhere/clang"}, ["/nowhere/clang"]),
        (["build"], {"GALEED_HOST_CC": "/nowhere/cc"}, ["no C compiler", "apt install gcc"]),
        (["build", "--manifest-path", "/nowhere/Cargo.toml"], {}, ["/nowhere/Cargo.toml"]),
        (["build", "--features", "nonsense"], {}, ["nonsense"]),
        (["frobnicate"], {}, ["unknown command"]),
        ([], {}, ["say what to do"]),
        (["build", "--target", "wasm32-wasip1"], {}, ["wasm32-wasip1"]),
        (["build", "--target-dir"], {}, ["--target-dir", "value"]),
        (["build", "--target-dir", ""], {}, ["--target-dir", "value"]),
    ],
)
def test_refusals(galeed: Galeed, words: list[str], env: dict[str, str | None], parts: list[str]) -> None:
    one_line_refusal(galeed(*words, env=env), *parts)


def test_not_in_a_project_offline_and_unreadable(galeed: Galeed, tmp_path: Path) -> None:
    one_line_refusal(galeed("build", cwd=tmp_path), "Cargo.toml")
    (tmp_path / "Cargo.toml").write_text("garbage [")
    one_line_refusal(galeed("build", cwd=tmp_path), "Cargo.toml")
    empty = {"CARGO_HOME": str(tmp_path / "home"), "RUSTUP_TOOLCHAIN": None}
    one_line_refusal(galeed("build", "--offline", env=empty), "offline")


def test_another_version_starts_afresh(tmp_path: Path) -> None:
    place = Place(tmp_path / "target")
    cargo_environment.prepare(place, find_clang())
    stale = place.target / "debug" / "libold.a"
    stale.parent.mkdir(parents=True)
    stale.write_text("objects of this version")
    place.log.write_text("log")
    cargo_environment.prepare(place, find_clang())
    assert stale.exists(), "nothing changed"
    other = Clang((*find_clang().command, "-DOTHER"), "another clang")
    cargo_environment.prepare(place, other)
    assert not stale.exists()
    assert not place.log.exists()


def test_another_policy_builds_anew_and_another_hardening_does_not() -> None:
    def of(policy: str) -> str:
        return cargo_environment.fingerprint(find_clang(), load(policy.encode(), "galeed.toml"))

    assert of("entries = []") != of("") == of("hardening = 'strict'") == of("on-trap = 'serve'")


def test_a_policy_is_read_before_anything_is_built(galeed: Galeed, tmp_path: Path) -> None:
    (tmp_path / "galeed.toml").write_text("\nentrees = []")
    wrong = galeed(
        "build", env={"GALEED_POLICY": str(tmp_path / "galeed.toml"), "CARGO_TARGET_DIR": str(tmp_path / "t")}
    )
    one_line_refusal(wrong, "galeed.toml:2: unknown key 'entrees'; did you mean 'entries'?")
    assert not (tmp_path / "t").exists()


def test_programs_start_with_the_policys_hardening() -> None:
    policy = load(b"hardening = 'full?'", "galeed.toml")
    assert cargo.for_programs({"A": "b"}, policy) == {"A": "b", "GALEED_HARDEN": "full?"}
    served = load(b"on-trap = 'serve'", "galeed.toml")
    assert cargo.for_programs({}, served) == {"GALEED_ON_TRAP": "serve"}
    assert cargo.for_programs({"GALEED_ON_TRAP": "refuse"}, served) == {"GALEED_ON_TRAP": "refuse"}
    assert cargo.for_programs({"GALEED_HARDEN": "none"}, policy) == {"GALEED_HARDEN": "none"}
    assert cargo.for_programs({}, load(b"", "galeed.toml")) == {}


def test_build_scripts_get_the_projects_policy_only(tmp_path: Path) -> None:
    """A dependency may bring a galeed.toml of its own into the folder where its build script runs."""
    place = Place(tmp_path)
    assert cargo_environment.environment(place, find_clang())["GALEED_POLICY"] == ""
    policy = load(b"", "galeed.toml")
    path = cargo_environment.environment(place, find_clang(), policy)["GALEED_POLICY"]
    assert path == str(Path("galeed.toml").absolute())


def test_a_plain_builds_directory_is_refused(tmp_path: Path) -> None:
    place = Place(tmp_path)
    (place.target / "debug").mkdir(parents=True)
    with pytest.raises(DriverError, match="was not built by cargo galeed"):
        cargo_environment.prepare(place, find_clang())
    assert (place.target / "debug").exists()


def test_build_time_c_is_not_rewritten(galeed: Galeed, target: Path) -> None:
    assert galeed("build", "-q").code == 0
    archives = list((target / "debug" / "build").rglob("libmaker.a"))
    assert archives
    for path in archives:
        assert [inspect_objects.rewritten(data, name) for name, data in inspect_objects.members(path)] == [False]
