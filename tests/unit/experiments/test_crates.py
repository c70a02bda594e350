"""The crates' book-keeping: which are run, how their tests are called, what their source becomes."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from experiments.crates import lists, source
from experiments.crates.recipes import CRATES, Crate
from experiments.model import LabError, chosen


def test_only_names_crates() -> None:
    assert [one.name for one in chosen(CRATES, ("lz4", "flate2"), "crate")] == ["flate2", "lz4"]
    assert chosen(CRATES, None, "crate") == list(CRATES)
    with pytest.raises(LabError, match=r"no crate 'lz5'; there are: flate2, "):
        chosen(CRATES, ("lz5",), "crate")


def test_features_and_targets_are_cargos_words() -> None:
    crate = Crate("name", "1.0.0", "c", ("one", "two"), default_features=False, targets=("--tests",))
    assert crate.words == (
        "test", "--tests", "--no-default-features", "--features", "one,two", "--", "--test-threads=1",
    )  # fmt: skip
    assert Crate("name", "1.0.0", "c", ()).words == ("test", "--lib", "--", "--test-threads=1")


def test_a_copy_gets_the_allocator_and_the_policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = tmp_path / "kept"
    for path, text in {"Cargo.toml": "[package]\nname = 'it'\n", "src/lib.rs": "//! It.\n", "tests/one.rs": ""}.items():
        (kept / path).parent.mkdir(parents=True, exist_ok=True)
        (kept / path).write_text(text, encoding="utf-8")
    monkeypatch.setattr(source, "_downloaded", lambda *_: kept)
    copy = source.prepare(Crate("it", "1.0.0", "c", (), exclusive=("f*",)), tmp_path)
    manifest = tomllib.loads((copy / "Cargo.toml").read_text(encoding="utf-8"))
    assert Path(manifest["dev-dependencies"]["galeed"]["path"], "Cargo.toml").is_file()
    assert "cfg(test)" in (copy / "src" / "lib.rs").read_text(encoding="utf-8")
    assert "galeed::Heap" in (copy / "tests" / "one.rs").read_text(encoding="utf-8")
    assert tomllib.loads((copy / "galeed.toml").read_text(encoding="utf-8")) == {"exclusive": ["f*"]}
    assert (kept / "src" / "lib.rs").read_text(encoding="utf-8") == "//! It.\n"


def test_lists_are_read_from_what_was_said_and_written(tmp_path: Path) -> None:
    said = (
        "   Compiling it\ngaleed: C and C++ in this build\n"
        "  it-sys 1.0.0+2: 2 rewritten: a.c b.c\n  it-sys 1.0.0+2: not rewritten: c.S: assembler\n    Finished `test`\nwarning: x\n"
    )
    served = {"access": "load", "function": "memchr", "module": "/lib/libc.so.6", "trapped": True, "count": 3}
    own = {**served, "module": "/it", "trapped": False}
    refused = {"violation": "spatial", "access": "write", "function": "fill"}
    profile, report = tmp_path / "profile", tmp_path / "report"
    profile.write_text("".join(json.dumps(line) + "\n" for line in (served, own, served)), encoding="utf-8")
    report.write_text(json.dumps(refused) + "\n", encoding="utf-8")
    got = lists.read(said, profile, report)
    assert got.files == {"it-sys": 2}
    assert got.build == ("it-sys 1.0.0+2: 2 rewritten: a.c b.c", "it-sys 1.0.0+2: not rewritten: c.S: assembler")
    assert got.served == {"load in memchr of libc.so.6": 6}
    assert got.refused == {"spatial write in fill": 1}
    assert "served at traps:\n  6 x load in memchr of libc.so.6\n" in str(got)


def test_lists_of_a_run_in_which_nothing_happened(tmp_path: Path) -> None:
    got = lists.read("galeed: C and C++ in this build: none\n", tmp_path / "no", tmp_path / "neither")
    assert got == lists.Lists()
    assert str(got) == "build:\n  none\nserved at traps:\n  none\nrefused:\n  none\n"
