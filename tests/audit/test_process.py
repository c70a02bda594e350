"""--pid: rules on what a running process really holds, and one clear line where it cannot be read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from audit import cli
from mpk.gadgets import Gadget
from mpk.scanner.command import scan_target
from mpk.scanner.place import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

# Two executable mappings side by side: the bytes of a WRPKRU in one, and across their border.
_PROGRAM = r"""
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
int main(int count, char **words) {
    char *place = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(place, 0x90, 8192);
    if (count > 1) {
        memcpy(place + 100, "\x0f\x01\xef", 3);
        memcpy(place + 4095, "\x0f\x01\xef", 3);
    }
    if (mprotect(place, 4096, PROT_READ | PROT_EXEC) || mprotect(place + 4096, 4096, PROT_READ | PROT_WRITE | PROT_EXEC))
        return 1;
    puts(words[0]);
    fflush(stdout);
    return getchar() == 0;
}
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("process")
    (folder / "it.c").write_text(_PROGRAM, encoding="utf-8")
    # Linked whole to the loader's own libc, whose pkey_set is a gadget of every such process.
    subprocess.run(["cc", "-O1", "it.c", "-o", "it"], check=True, cwd=folder)
    return folder / "it"


@pytest.fixture
def running(program: Path, request: pytest.FixtureRequest) -> Iterator[int]:
    words = [str(program), *(["with"] if request.param else [])]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout and process.stdout.readline()
        yield process.pid


def _found(capsys: pytest.CaptureFixture[str], pid: int, *words: str) -> list[dict[str, Any]]:
    cli.main(["-q", "--pid", str(pid), "--format", "json", *words])
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["findings"]
    return found


def _own(found: list[dict[str, Any]], rule: str, pid: int) -> list[dict[str, Any]]:
    """Those in memory that no file was mapped to."""
    own = ((each, each["evidence"][0]) for each in found if each["rule"] == rule)
    return [each for each, seen in own if seen["artifact"] == f"pid:{pid}" and not seen.get("symbol")]


@pytest.mark.parametrize("running", [True], indirect=True)
def test_gadgets_of_a_process(running: int, capsys: pytest.CaptureFixture[str]) -> None:
    found = _found(capsys, running, "--rule", "E01", "--rule", "E03")
    assert len(_own(found, "E01", running)) == 1, found
    assert len(_own(found, "E03", running)) == 1, found


@pytest.mark.parametrize("running", [False], indirect=True)
def test_a_process_without_them(running: int, capsys: pytest.CaptureFixture[str]) -> None:
    found = _found(capsys, running, "--rule", "E01", "--rule", "E03")
    assert _own(found, "E01", running) == _own(found, "E03", running) == [], found


def test_the_runtimes_own_are_guarded(capsys: pytest.CaptureFixture[str]) -> None:
    """A Python process that holds galeed's runtime: its WRPKRU are no findings; the benchmark's loop, which the
    module for Python has beside them and nothing guards, is one."""
    words = [sys.executable, "-c", "import mpk._native as it; print(it.__file__, flush=True); input()"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        runtime = process.stdout.readline().strip()
        found = _found(capsys, process.pid, "--rule", "E01", "--rule", "E03")
        scan = scan_target(str(process.pid))
        process.communicate("\n")
    own = [each for each in scan.found if each.object == runtime and each.hit.gadget is Gadget.WRPKRU]
    names = {
        verdict: {each.function.name for each in own if each.verdict is verdict and each.function}
        for verdict in Verdict
    }
    assert {"mpk_gate_enter", "mpk_gate_exit"} <= names[Verdict.GUARDED]
    assert names[Verdict.OPEN] == {"loop_wrpkru"}
    told = [each["evidence"][0]["symbol"] or "" for each in found]
    assert not any(each.startswith(("mpk_", "_mpk_", "pku_")) for each in told), told
    assert any(each.startswith("loop_wrpkru+") for each in told), told


@pytest.mark.parametrize("running", [False], indirect=True)
def test_the_files_that_it_maps(running: int, program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = _found(capsys, running, "--rule", "E07")
    assert [each["message"] for each in found if str(program) in json.dumps(each)] == [
        "it imports mprotect, which changes pages, and on the mprotect backend opens them"
    ]


def test_a_process_that_has_ended(capsys: pytest.CaptureFixture[str]) -> None:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    assert cli.main(["-q", "--pid", str(process.pid)]) == 2
    assert capsys.readouterr().err == f"galeed-audit: process {process.pid}: there is no such process\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every process")
def test_a_process_of_somebody_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["-q", "--pid", "1"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("galeed-audit: process 1: no permission to read its memory") and said.count("\n") == 1
