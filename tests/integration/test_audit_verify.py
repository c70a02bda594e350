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
from tests.integration.test_attributes import programs
from tests.integration.test_sharing import program, pytestmark

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["program", "programs", "pytestmark"]


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
    assert (code, len(missing)) == (1, 2), said
    assert missing[0].startswith("missing  gates: c_add c_allocate ") and "of c/foreign.c are called" in missing[0]
    assert "sharing::guards" in missing[0]
    assert missing[1].startswith("missing  objects: c/foreign.c is not rewritten; compiled in ")
    meant = ["--policy", "", "--unrewritten", "c/*.c"]
    assert _verify(capsys, plain, *meant)[1] == missing[:1]  # what is not rewritten needs gates on Rust's side
    assert _verify(capsys, plain, *meant, "--ungated", "c_*")[0] == 0


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


def _without_calls(function: str, callee: str) -> Callable[[Path], None]:
    """A function that does not make its direct calls of another: NOPs in their place."""

    def undo(path: Path) -> None:
        with path.open("rb") as file:
            read: Any = ELFFile(file)
            symbols = {each.name: each for each in read.get_section_by_name(".symtab").iter_symbols()}
            start, target = symbols[function]["st_value"], symbols[callee]["st_value"]
            section = read.get_section_by_name("galeed_text")
            shift = section["sh_offset"] - section["sh_addr"]
        content = path.read_bytes()
        for at in range(start, start + symbols[function]["st_size"]):
            distance = struct.pack("<i", target - at - 5)
            if content[at + shift : at + shift + 5] == b"\xe8" + distance:
                _patch(path, at + shift, b"\x0f\x1f\x44\x00\x00")

    return undo


def _header(kind: int, field: int, value: int) -> Callable[[Path], None]:
    """Another value in the program headers of a kind. field: its offset there, of 4 bytes."""

    def undo(path: Path) -> None:
        content = path.read_bytes()
        table, count = struct.unpack_from("<Q", content, 32)[0], struct.unpack_from("<H", content, 56)[0]
        for place in range(table, table + 56 * count, 56):
            if struct.unpack_from("<I", content, place)[0] == kind:
                _patch(path, place + field, struct.pack("<I", value))

    return undo


_LOAD, _STACK, _RELRO = 1, 0x6474E551, 0x6474E552


@pytest.mark.parametrize(
    ("undo", "says"),
    [
        (_objcopy("--redefine-sym", "mpk_host_alloc=other"), "allocator: the global allocator is not galeed's"),
        (_objcopy("--globalize-symbol", "galeed.call.free"), "gates: galeed.call.free is rewritten code that others"),
        (_objcopy("--redefine-sym", "c_add.foreign=gone"), "gates: c_add is rewritten code that others can call"),
        (_without_calls("c_add.host", "galeed_gate_enter"), "gates: c_add's gate does not call galeed_gate_enter"),
        (_without_calls("c_add.host", "galeed_gate_exit"), "gates: c_add's gate does not call galeed_gate_exit"),
        (_header(_RELRO, 0, 0), "hardening: no RELRO"),
        (_header(_STACK, 4, 7), "hardening: stacks are executable"),
        (_header(_LOAD, 4, 7), "hardening: a segment is writable and executable"),
        (_put_gadget, "gadgets: mpk_start: WRPKRU at 0x"),
        (_bind_late, "hardening: functions are bound when they are first called (-z now)"),
        (_objcopy("--strip-debug"), "objects: not proven, no DWARF says"),
        (_objcopy("--strip-all"), "gates: not proven, the program is stripped"),
    ],
    ids=[
        "allocator",
        "helper",
        "gate",
        "enter",
        "exit",
        "relro",
        "stack",
        "writable",
        "gadget",
        "now",
        "debug",
        "stripped",
    ],
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


def test_callbacks_that_the_policy_does_not_name(
    program: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = tmp_path / "galeed.toml"
    policy.write_text('hardening = "none"\ncallbacks = ["c_call*", "c_e*", "c_m*"]\n', encoding="utf-8")
    code, missing, said = _verify(capsys, str(program), "--policy", str(policy))
    assert code == 1, said
    assert missing == [f"missing  callbacks: c_destroy_owned may call the host, and is none by {policy}:2"]
    policy.write_text('callbacks = ["c_*"]\n', encoding="utf-8")
    code, missing, said = _verify(capsys, str(program), "--policy", str(policy))
    assert code == 0 and "5 functions may call the host back, through gates: c_call_kept c_destroy_owned " in said


def test_hardening_that_needs_a_pie(program: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy, policy = Path(shutil.copy(program, tmp_path / "copy")), tmp_path / "galeed.toml"
    policy.write_text('hardening = "basic,code?"\n', encoding="utf-8")
    assert _verify(capsys, str(copy), "--policy", str(policy))[0] == 0
    _patch(copy, 16, struct.pack("<H", 2))  # ET_EXEC
    _, missing, _ = _verify(capsys, str(copy), "--policy", str(policy))
    assert f'missing  hardening: is not linked as PIE, which part code of "basic,code?" needs ({policy}:1)' in missing
    policy.write_text('hardening = "basic"\n', encoding="utf-8")
    _, missing, _ = _verify(capsys, str(copy), "--policy", str(policy))
    assert not any("PIE" in each for each in missing)


def test_gates_on_the_side_of_rust(programs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A prebuilt library: by #[galeed::foreign], and by a program that only declares it."""
    code, missing, said = _verify(capsys, str(programs / "rewritten"), "--policy", "")
    assert (code, missing) == (0, []), said
    assert "ok       10 functions that were not rewritten, each called behind #[galeed::foreign]: " in said
    assert "ok       libprebuilt.so is not rewritten; what Rust calls of it is gated" in said
    code, missing, said = _verify(capsys, str(programs / "plain"), "--policy", "")
    assert any(each.startswith("missing  gates: c_adds ") and "of c/caller.c" in each for each in missing), said
    assert not any("pre_" in each for each in missing), said

    source = tmp_path / "bare.rs"
    source.write_text(
        'unsafe extern "C" { fn pre_sum(at: *const i32, count: usize) -> i64; }\n'
        'fn main() { println!("{}", unsafe { pre_sum([1].as_ptr(), 1) }) }\n',
        encoding="utf-8",
    )
    words = [
        "rustc",
        "--edition=2024",
        "-g",
        "-L",
        str(programs),
        "-l",
        "dylib=prebuilt",
        str(source),
        "-o",
        str(tmp_path / "bare"),
    ]
    subprocess.run(words, check=True)
    _, missing, _ = _verify(capsys, str(tmp_path / "bare"), "--policy", "")
    assert "missing  gates: pre_sum of a shared library is called without a gate, by bare::main" in missing
    assert any(each.startswith("missing  libraries: libprebuilt.so is loaded") for each in missing)


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
