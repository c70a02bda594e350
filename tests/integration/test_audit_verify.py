"""galeed-audit verify on a program as `cargo galeed build` makes it, as plain cargo does, and with one thing undone."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from elftools.elf.elffile import ELFFile

from audit import cli
from tests.integration.test_sharing import program, pytestmark

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["program", "pytestmark"]


def _verify(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[str], str]:
    code = cli.main(["verify", *words])
    said = capsys.readouterr()
    return code, [line for line in said.out.splitlines() if line.startswith("missing")], said.err + said.out


def test_what_cargo_galeed_builds_is_whole(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, missing, said = _verify(capsys, str(program), "--policy", "")
    assert (code, missing) == (0, []), said
    assert "ok       23 foreign entries, each behind a gate: c_add " in said
    assert "ok       1 C and C++ sources with debug information, all of their code rewritten" in said
    assert cli.main(["verify", str(program), "--policy", "", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["missing"] == []


def test_what_cargo_builds_was_not_rewritten(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = str(program.with_name("plain"))
    code, missing, said = _verify(capsys, plain, "--policy", "")
    assert (code, len(missing)) == (1, 1), said
    assert missing[0].startswith("missing  objects: c/foreign.c is not rewritten; compiled in ")
    assert _verify(capsys, plain, "--policy", "", "--unrewritten", "c/*.c")[0] == 0


def _objcopy(*words: str) -> Callable[[Path], None]:
    def undo(path: Path) -> None:
        subprocess.run(["objcopy", *words, path], check=True)

    return undo


def _put_gadget(path: Path) -> None:
    """WRPKRU over the beginning of a function."""
    with path.open("rb") as file:
        read: Any = ELFFile(file)
        table = read.get_section_by_name(".symtab")
        address = next(each["st_value"] for each in table.iter_symbols() if each.name == "mpk_start")
        text = read.get_section_by_name(".text")
        offset = address - text["sh_addr"] + text["sh_offset"]
    _patch(path, offset, b"\x0f\x01\xef")


def _patch(path: Path, offset: int, data: bytes) -> None:
    content = bytearray(path.read_bytes())
    content[offset : offset + len(data)] = data
    path.write_bytes(content)


def _bind_late(path: Path) -> None:
    with path.open("rb") as file:
        section: Any = ELFFile(file).get_section_by_name(".dynamic")
        offset, size = section["sh_offset"], section["sh_size"]
    for place in range(offset, offset + size, 16):
        tag = struct.unpack_from("<q", path.read_bytes(), place)[0]
        if tag in (0x1E, 0x6FFFFFFB, 24):  # DT_FLAGS, DT_FLAGS_1, DT_BIND_NOW
            _patch(path, place, struct.pack("<qQ", 0x15, 0))  # DT_DEBUG


@pytest.mark.parametrize(
    ("undo", "says"),
    [
        (_objcopy("--redefine-sym", "mpk_host_alloc=other"), "allocator: the global allocator is not galeed's"),
        (_objcopy("--globalize-symbol", "galeed.call.free"), "gates: galeed.call.free is rewritten code that others"),
        (_objcopy("--redefine-sym", "c_add.foreign=gone"), "gates: c_add is rewritten code that others can call"),
        (_put_gadget, "gadgets: mpk_start: WRPKRU at 0x"),
        (_bind_late, "hardening: functions are bound when they are first called (-z now)"),
        (_objcopy("--strip-debug"), "objects: not proven, no DWARF says"),
        (_objcopy("--strip-all"), "gates: not proven, the program is stripped"),
    ],
    ids=["allocator", "helper", "gate", "gadget", "now", "debug", "stripped"],
)
def test_what_is_undone_is_named(
    program: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], undo: Callable[[Path], None], says: str
) -> None:
    copy = Path(shutil.copy(program, tmp_path / "copy"))
    undo(copy)
    code, missing, said = _verify(capsys, str(copy), "--policy", "")
    assert code == 1, said
    assert any(line.startswith(f"missing  {says}") for line in missing), said


def test_gates_that_the_policy_does_not_name(program: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy = tmp_path / "galeed.toml"
    policy.write_text('entries = ["c_a*"]\n', encoding="utf-8")
    code, missing, said = _verify(capsys, str(program), "--policy", str(policy))
    assert code == 1, said
    assert f"missing  gates: c_cut has a gate, and is no entry by {policy}:1" in missing
    assert not any("c_add " in line for line in missing)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["/nowhere"], "/nowhere: No such file or directory"),
        (["/etc/passwd"], "/etc/passwd: is no ELF file"),
        (["/bin/true", "--policy", "/nowhere.toml"], "/nowhere.toml"),
    ],
)
def test_what_cannot_be_read(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, said = _verify(capsys, *words)
    assert code == 2 and says in said and said.count("\n") == 1, said
