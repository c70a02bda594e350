"""Each rule on sources that it is about: `bad*` is found, as its golden report says, and `good*` is not.

The first lines of a source say how it is built ("build:", and "and:" for a second file); Rust source is read as
it is, or, where foreign C or C++ lies beside it, is made a crate with it and built by the audit. GALEED_BLESS=1
writes the golden reports anew.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from audit.inputs import load
from audit.model import Confidence
from audit.report import text
from audit.rules import RULES
from audit.run import findings

_HERE = Path(__file__).parent
_SOURCES = sorted(each for each in _HERE.glob("*/*") if each.stem.startswith(("bad", "good")) and each.suffix != ".txt")


_MANIFEST = '[package]\nname = "sample"\nversion = "1.0.0"\nedition = "2021"\n[workspace]\n'
# What crate cc does, without a dependency that must be fetched.
_BUILD = """\
use std::{env::var, process::Command};
fn main() {
    let (out, cxx) = (var("OUT_DIR").unwrap(), SOURCE.ends_with("cpp"));
    let compiler = var(if cxx { "CXX" } else { "CC" }).unwrap();
    let object = format!("{out}/foreign.o");
    let made = Command::new(compiler).args(["-O0", "-Wno-everything", "-c", SOURCE, "-o", &object]).status();
    assert!(made.unwrap().success());
    assert!(Command::new("ar").args(["crs", &format!("{out}/libforeign.a"), &object]).status().unwrap().success());
    println!("cargo:rustc-link-search=native={out}\\ncargo:rustc-link-lib=static=foreign");
}
"""


def _crate(source: Path, foreign: Path, folder: Path) -> Path:
    (folder / "src").mkdir()
    (folder / "Cargo.toml").write_text(_MANIFEST, encoding="utf-8")
    (folder / "src" / "lib.rs").write_bytes(source.read_bytes())
    (folder / foreign.name).write_bytes(foreign.read_bytes())
    (folder / "build.rs").write_text(f'const SOURCE: &str = "{foreign.name}";\n{_BUILD}', encoding="utf-8")
    return folder


def _built(source: Path, folder: Path) -> list[Path]:
    for foreign in source.parent.glob(f"foreign_{source.stem}.c*"):
        if shutil.which("cargo") is None:
            pytest.skip("cargo is not in PATH")
        return [_crate(source, foreign, folder)]
    made = []
    for number, line in enumerate(source.read_text(encoding="utf-8").splitlines()[:2]):
        for word in ("build:", "and:"):
            if word not in line:
                continue
            out = folder / (source.stem + ".so" + (".2" if number else ""))
            command = line.partition(word)[2].format(
                **{"in": source, "out": folder / (source.stem + ".so"), "here": source.parent}
            )
            words = shlex.split(command)
            if shutil.which(words[0]) is None:
                pytest.skip(f"{words[0]} is not in PATH")
            subprocess.run(words, check=True, cwd=folder)
            made.append(out)
    return made or [source]


@pytest.mark.parametrize("source", _SOURCES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_what_a_rule_says(source: Path, tmp_path: Path) -> None:
    rule = next(each for each in RULES if each.id == source.parent.name)
    subject = load([str(path) for path in _built(source, tmp_path)], [], lambda _: None)
    found = findings(subject, [rule])
    report = text.render(found, 0, subject.notes) + "\n"
    report = report.replace(f"{tmp_path}/", "").replace(f"{source.parent}/", "")
    report = re.sub(r"0x[0-9a-f]+|\b\d+ bytes", "#", report)  # of the linker's choice
    if source.stem.startswith("good"):
        assert not found, report
        return
    assert found, f"{source} is bad, and nothing was found"
    golden = source.with_name(source.name + ".txt")
    if os.environ.get("GALEED_BLESS") == "1":
        golden.write_text(report, encoding="utf-8")
    assert report == golden.read_text(encoding="utf-8")


def test_a_gadgets_fingerprint_does_not_depend_on_what_else_is_read(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = _built(_HERE / "E03" / "bad.S", tmp_path / "other")[0].rename(tmp_path / "other.so")
    mine = _built(_HERE / "E01" / "bad.c", tmp_path)[0]
    marks = set()
    for named in ([mine], [other, mine]):
        subject = load([str(each) for each in named], [], lambda _: None)
        found = findings(subject, [each for each in RULES if each.id in ("E01", "E03")])
        marks |= {each.fingerprint for each in found if each.location.artifact == str(mine)}
    assert len(marks) == 1


def test_each_rule_has_both() -> None:
    for rule in RULES:
        stems = {each.stem.split("_")[0] for each in _SOURCES if each.parent.name == rule.id}
        assert stems == {"bad", "good"}, rule.id
        assert rule.confidence in Confidence
