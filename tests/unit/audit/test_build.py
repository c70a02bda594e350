"""Crates that the audit builds: what is found, what is left as it was, and one line where it does not build."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from audit import cli
from audit.build import cargo, registry
from audit.errors import AuditError
from audit.inputs import Choices, load, prepare

_MANIFEST = '[package]\nname = "sample"\nversion = "1.0.0"\nedition = "2021"\n[workspace]\n'
_GUARDED = '#[no_mangle]\npub extern "C" fn entry(n: usize) -> u8 {\n    [1u8, 2][n]\n}\n'

pytestmark = pytest.mark.skipif(shutil.which("cargo") is None, reason="cargo is not in PATH")


@pytest.fixture
def crate(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "Cargo.toml").write_text(_MANIFEST, encoding="utf-8")
    (tmp_path / "src" / "lib.rs").write_text(_GUARDED, encoding="utf-8")
    return tmp_path


def test_a_crate_is_built_into_a_directory_of_its_own(crate: Path) -> None:
    subject = load([str(crate)], [], lambda _: None)
    assert [each.language for each in subject.plain] == ["rust"] and subject.notes == []
    assert {each.name for each in (crate / "target").iterdir()} == {"galeed-audit"}
    assert not (crate / "Cargo.lock").exists()


def test_without_building_source_alone_is_judged(crate: Path) -> None:
    subject = load([str(crate)], [], lambda _: None, Choices(build=False))
    assert subject.plain == [] and len(subject.sources) == 1 and not (crate / "target").exists()


def test_a_crate_that_does_not_build_is_still_judged(crate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (crate / "src" / "lib.rs").write_text(
        'extern "C" fn f(n: Option<u8>) -> u8 { n.unwrap() + missing }\n', encoding="utf-8"
    )
    assert cli.main(["-q", str(crate)]) == 1
    said = capsys.readouterr().out
    assert "S07" in said
    (line,) = [each for each in said.splitlines() if each.startswith("note ")]
    assert "does not build (src/lib.rs:1:53: error[E0425]" in line and "judged by its source" in line


def test_a_program_may_begin_as_libraries_do(crate: Path) -> None:
    (crate / "src" / "lib.rs").rename(crate / "src" / "main.rs")
    (crate / "src" / "main.rs").write_text(f"{_GUARDED}fn main() {{ entry(1); }}\n", encoding="utf-8")
    (crate / "Cargo.toml").write_text(_MANIFEST.replace("sample", "libtool"), encoding="utf-8")
    assert len(cargo.build(crate).own) == 1


@pytest.mark.parametrize("file", ["lib.rs", "main.rs"])
def test_what_was_built_before_is_not_taken_for_this_build(crate: Path, file: str) -> None:
    """Cargo keeps both, and finds the older one fresh."""
    source = f'{_GUARDED}#[cfg(feature = "more")]\n#[no_mangle]\npub extern "C" fn more() {{}}\npub fn main() {{ entry(1); }}\n'
    (crate / "src" / "lib.rs").unlink()
    (crate / "src" / file).write_text(source, encoding="utf-8")
    (crate / "Cargo.toml").write_text(_MANIFEST.replace("[workspace]", "[features]\nmore = []\n[workspace]"))
    without, more = cargo.build(crate), cargo.build(crate, ("more",))
    again = cargo.build(crate)
    assert len(without.own) == len(more.own) == 1 and without.own != more.own
    assert again == without


def test_a_long_build_says_how_far_it_is(crate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cargo, "_TOLD_SECONDS", 0.02)
    said: list[str] = []
    (built,) = prepare([str(crate)], said.append)
    assert built.built is not None and built.built.rust and not built.built.failure  # waiting lost no message
    begun, *others = said
    assert begun == f"building {crate}"
    assert others and all(re.fullmatch(rf"{begun}: \d+ crates compiled after \d+ s", each) for each in others)


def test_a_crate_of_the_registry_is_found_or_told() -> None:
    with pytest.raises(AuditError, match=r"^no-such-crate==9\.9\.9: is not in .*registry/src"):
        registry.crate("no-such-crate", "9.9.9")
    assert cli.main(["-q", "no-such-crate==9.9.9"]) == 2


def test_a_crate_of_the_registry_is_copied_and_built(
    crate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    shutil.copytree(crate, home / "registry" / "src" / "index" / "sample-1.0.0", ignore=shutil.ignore_patterns("home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CARGO_HOME", str(home))
    copy = registry.crate("sample", "1.0.0")
    assert copy == tmp_path / "cache" / "galeed" / "audit" / "sample-1.0.0" and (copy / "src" / "lib.rs").is_file()
    assert len(load(["sample==1.0.0"], [], lambda _: None).plain) == 1


def test_a_manifest_of_old_loses_what_the_registry_has_no_folder_for(
    crate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = '\n[lib]\npath = "src/lib.rs"\n[dependencies.other-sys]\nversion = "0.2"\npath = "other-sys"\nfeatures = []\n'
    (crate / "Cargo.toml").write_text(_MANIFEST + old, encoding="utf-8")
    home = tmp_path / "home"
    shutil.copytree(crate, home / "registry" / "src" / "index" / "sample-1.0.0", ignore=shutil.ignore_patterns("home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CARGO_HOME", str(home))
    text = (registry.crate("sample", "1.0.0") / "Cargo.toml").read_text(encoding="utf-8")
    assert text.endswith('[lib]\npath = "src/lib.rs"\n[dependencies.other-sys]\nversion = "0.2"\nfeatures = []\n')


def test_declarations_that_nobody_calls_are_compared(crate: Path) -> None:
    (crate / "build.rs").write_text(
        """\
use std::{env::var, process::Command};
fn main() {
    let out = var("OUT_DIR").unwrap();
    let cc = |words: &[&str]| assert!(Command::new(var("CC").unwrap()).args(words).status().unwrap().success());
    cc(&["-c", "f.c", "-o", &format!("{out}/f.o")]);
    println!("cargo:rerun-if-changed=f.c");
}
""",
        encoding="utf-8",
    )
    (crate / "f.c").write_text("long f(long a) { return a; }\nint hidden(void) { return 0; }\n", encoding="utf-8")
    declared = 'pub mod raw { extern "C" { pub fn f(a: i32) -> i64; fn hidden(a: i64); } }\n'
    (crate / "src" / "lib.rs").write_text(declared, encoding="utf-8")
    subject = load([str(crate)], [], lambda _: None)
    assert any("f" in each.functions for each in subject.plain if each.language == "rust")
    assert not any("hidden" in each.functions for each in subject.plain if each.language == "rust")


def test_c_that_a_build_script_tidies_away_or_compiles_twice_is_judged_once(crate: Path) -> None:
    (crate / "build.rs").write_text(
        """\
use std::{env::{set_current_dir, var}, fs, process::Command};
fn main() {
    let out = var("OUT_DIR").unwrap();
    let here = var("CARGO_MANIFEST_DIR").unwrap();
    fs::create_dir(format!("{out}/made")).unwrap();
    set_current_dir(format!("{out}/made")).unwrap();
    let source = format!("{here}/f.c");
    fs::copy(&source, "conftest.c").unwrap();
    for words in [&["-c", &source, "-o", "f.o"][..], &["-c", "-fPIC", "-DPIC", &source, "-o", "g.o"],
                  &["-c", "-DOTHER", &source, "-o", "h.o"], &["-c", "conftest.c"]] {
        assert!(Command::new(var("CC").unwrap()).args(words).status().unwrap().success());
    }
    set_current_dir(here).unwrap();
    fs::remove_dir_all(format!("{out}/made")).unwrap();
}
""",
        encoding="utf-8",
    )
    (crate / "f.c").write_text("#ifdef OTHER\nint other;\n#endif\nint f(void) { return 1; }\n", encoding="utf-8")
    (script,) = cargo.build(crate).c
    assert [each.name.split("-")[0] for each in script] == ["f", "f"]


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ('panic!("there is no libodd here")', "there is no libodd here"),
        (
            'eprintln!("a line"); eprintln!("odd.c: error: no such header"); std::process::exit(1)',
            "odd.c: error: no such header",
        ),
    ],
)
def test_why_a_build_script_fails_is_told(script: str, says: str, crate: Path) -> None:
    (crate / "build.rs").write_text(f"fn main() {{ {script} }}\n", encoding="utf-8")
    failure = cargo.build(crate).failure
    assert failure == f"error: failed to run custom build command for `sample v1.0.0`: {says}"


def test_where_nothing_can_be_built_into_that_is_said(crate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (crate / "target").touch()
    assert cli.main(["-q", str(crate)]) == 2
    assert f"not built: {crate}/target/galeed-audit cannot be written: " in capsys.readouterr().out


def test_a_workspaces_lock_file_stays_as_it_was(tmp_path: Path) -> None:
    member = tmp_path / "member"
    (member / "src").mkdir(parents=True)
    (member / "src" / "lib.rs").touch()
    (member / "Cargo.toml").write_text(_MANIFEST.replace("[workspace]\n", ""), encoding="utf-8")
    (tmp_path / "Cargo.toml").write_text('[workspace]\nmembers = ["member"]\n', encoding="utf-8")
    assert cargo.build(member).failure == ""
    assert {each.name for each in tmp_path.iterdir()} == {"member", "Cargo.toml", "target"}


def _is_there(pid: int) -> bool:
    try:
        return b"\nState:\tZ" not in Path(f"/proc/{pid}/status").read_bytes()
    except OSError:
        return False


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_who_ends_the_audit_ends_the_build(how: signal.Signals, crate: Path) -> None:
    (crate / "build.rs").write_text(
        'fn main() { std::fs::write("pid", std::process::id().to_string()).unwrap(); '
        "std::thread::sleep(std::time::Duration::from_secs(600)); }\n",
        encoding="utf-8",
    )
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from audit.cli import main; raise SystemExit(main())"
    words = [sys.executable, "-c", code, str(crate)]
    audit = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 120
    while not ((crate / "pid").is_file() and (crate / "pid").read_text(encoding="utf-8")) and time.monotonic() < until:
        time.sleep(0.05)
    pid = int((crate / "pid").read_text(encoding="utf-8"))
    audit.send_signal(how)
    _, said = audit.communicate(timeout=60)
    until = time.monotonic() + 10
    while _is_there(pid) and time.monotonic() < until:
        time.sleep(0.05)
    gone = not _is_there(pid)
    if not gone:
        os.kill(pid, signal.SIGKILL)
    assert audit.returncode == 128 + how and "galeed-audit: interrupted\n" in said
    assert gone and not (crate / "Cargo.lock").exists()


def test_c_that_was_compiled_with_other_macros_is_gone(crate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (crate / "build.rs").write_text(
        """\
use std::{env::var, process::Command};
fn main() {
    println!("cargo:rerun-if-env-changed=ODD");
    let odd = format!("-DODD={}", var("ODD").unwrap());
    for object in ["f.o", "same.o"] {
        let object = format!("{}/{object}", var("OUT_DIR").unwrap());
        assert!(Command::new(var("CC").unwrap()).args(["-c", &odd, "f.c", "-o", &object]).status().unwrap().success());
    }
}
""",
        encoding="utf-8",
    )
    (crate / "f.c").write_text("int ODD(void) { return 1; }\n", encoding="utf-8")
    for name in ("first", "second", "first"):
        monkeypatch.setenv("ODD", name)
        subject = load([str(crate)], [], lambda _: None)
        assert {each for module in subject.plain for each in module.functions} & {"first", "second"} == {name}


def test_a_proposal_calls_assembler_alone_not_rewritten(crate: Path) -> None:
    (crate / "build.rs").write_text(
        """\
use std::{env::var, process::Command};
fn main() {
    let out = var("OUT_DIR").unwrap();
    for source in ["f.c", "g.S"] {
        let object = format!("{out}/{source}.o");
        assert!(Command::new(var("CC").unwrap()).args(["-c", source, "-o", &object]).status().unwrap().success());
    }
    let words = ["rcs", "libboth.a", "f.c.o", "g.S.o"];
    assert!(Command::new("ar").args(words).current_dir(&out).status().unwrap().success());
    println!("cargo:rustc-link-search={out}\\ncargo:rustc-link-lib=static=both");
}
""",
        encoding="utf-8",
    )
    (crate / "f.c").write_text("int f(void) { return 1; }\n", encoding="utf-8")
    (crate / "g.S").write_text(".text\n.globl g\ng: ret\n", encoding="utf-8")
    (crate / "src" / "lib.rs").write_text(
        'unsafe extern "C" {\n    fn f() -> i32;\n    fn g();\n}\n'
        "pub fn both() -> i32 {\n    unsafe { g() };\n    unsafe { f() }\n}\n",
        encoding="utf-8",
    )
    policy = crate / "galeed.toml"
    assert cli.main(["-q", str(crate), "--propose", str(policy), "--exit-zero", "-o", os.devnull]) == 0
    said = [line for line in policy.read_text(encoding="utf-8").splitlines() if "no C or C++" in line]
    assert len(said) == 1 and said[0].endswith("what is no C or C++: g.S.o")


def test_bitcode_of_another_compiler_is_made_anew(crate: Path) -> None:
    (crate / "build.rs").write_text(
        """\
use std::{env::var, process::Command};
fn main() {
    println!("cargo:rerun-if-changed=f.c");
    let object = format!("{}/f.o", var("OUT_DIR").unwrap());
    assert!(Command::new(var("CC").unwrap()).args(["-c", "f.c", "-o", &object]).status().unwrap().success());
}
""",
        encoding="utf-8",
    )
    (crate / "f.c").write_text("int f(void) { return 1; }\n", encoding="utf-8")
    (first,) = cargo.build(crate).c[0]
    first.write_bytes(b"of an older one")
    assert cargo.build(crate).c[0][0].read_bytes() == b"of an older one", "cargo finds it fresh"
    (crate / "target" / "galeed-audit" / ".compiler").write_text("an older one", encoding="utf-8")
    assert cargo.build(crate).c[0][0].read_bytes() != b"of an older one"


def test_without_a_clang_that_is_told(
    crate: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GALEED_CLANG", "/nowhere/clang")
    assert cli.main(["-q", str(crate), "--no-cache"]) == 2
    assert f"note     {crate}: not built: GALEED_CLANG=/nowhere/clang: no such program\n" in capsys.readouterr().out
