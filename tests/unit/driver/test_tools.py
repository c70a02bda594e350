"""Finding tools, the archiver's arguments, the log, cargo's arguments."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from llvm_pass.driver import ar, cargo_arguments, clang, log
from llvm_pass.driver.errors import DriverError


def script(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_galeed_clang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = tmp_path / "plain"
    plain.write_text("")
    cases = {
        str(tmp_path / "missing"): "no such program",
        str(plain): "not an executable",
        str(tmp_path): "not an executable",
        script(tmp_path / "other", "echo gcc 12"): "not a clang",
        script(tmp_path / "old", "echo clang version 14.0.6"): "clang 14, clang 22 is needed",
        script(tmp_path / "new", "echo clang version 23.1.0"): "clang 23",
    }
    for path, message in cases.items():
        monkeypatch.setenv("GALEED_CLANG", path)
        with pytest.raises(DriverError, match=message):
            clang.find_clang()
    good = script(tmp_path / "good", "echo Debian clang version 22.1.8")
    monkeypatch.setenv("GALEED_CLANG", good)
    assert clang.find_clang().driver(cxx=True) == [good, "--driver-mode=g++"]


def test_clang_in_path_of_the_right_major_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GALEED_CLANG", raising=False)
    old = script(tmp_path / "clang", "echo clang version 19.1.0")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert clang.find_clang().command[0] != old
    right = script(tmp_path / "clang-22", "echo clang version 22.1.0")
    assert clang.find_clang().command == (right,)


def test_no_clang_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GALEED_CLANG", raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(clang, "zig_directory", lambda: None)
    with pytest.raises(DriverError, match="install Python package ziglang"):
        clang.find_clang()


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        *[("rcs", "rcsD"), ("-rc", "-rcD"), ("s", "sD"), ("t", "t"), ("x", "x"), ("rcU", "rcU"), ("rcD", "rcD")],
        *[("--version", "--version"), ("-M", "-M")],
    ],
)
def test_gnu_ar_is_told_to_be_deterministic(given: str, wanted: str) -> None:
    assert ar.deterministic([given, "lib.a"]) == [wanted, "lib.a"]


def test_log_lines_do_not_mix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log"
    monkeypatch.setenv("GALEED_CC_LOG", str(path))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: log.write(log.Entry(f"{n}.c", f"{n}.o", True, "x" * 500)), range(200)))
    assert len(log.read(path)) == 200
    with path.open("a") as stream:
        stream.write('{"cut": \n7\n[]\n')
    assert len(log.read(path)) == 200
    record = json.loads(path.read_text().splitlines()[0])
    assert Path(record["source"]).is_absolute()
    assert record["directory"] == os.getcwd()  # noqa: PTH109  (the very call that a build tool makes)


def test_cargo_arguments() -> None:
    line = "galeed run --release -p app --features=a,b --target-dir /t --manifest-path m/Cargo.toml --json -- --json x"
    arguments = cargo_arguments.parse(line.split())
    assert arguments.command == "run"
    assert arguments.json
    assert arguments.trailing == ["--", "--json", "x"]
    assert arguments.for_build() == "--release -p app --features=a,b --manifest-path m/Cargo.toml".split()
    assert arguments.for_metadata() == "--features a,b --manifest-path m/Cargo.toml".split()
    assert arguments.last("--target-dir") == "/t"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "say what to do"),
        ("--release", "say what to do"),
        ("install x", "install: unknown command"),
        ("build --target wasm32-wasip1", "only x86_64-unknown-linux-gnu"),
        ("build --message-format=json", "--json gives a summary"),
    ],
)
def test_cargo_arguments_refused(line: str, message: str) -> None:
    with pytest.raises(DriverError, match=message):
        cargo_arguments.parse(line.split())
