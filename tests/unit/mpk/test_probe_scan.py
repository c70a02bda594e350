"""galeed-probe --scan: files, processes and standard input; what is said of each hit; bad targets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mpk.gadgets import MAX_BYTES
from mpk.scanner.code import Piece, Run, hits_in, runs_of
from tests.conftest import ROOT, Outcome
from tests.unit.mpk.conftest import PROBE, WRPKRU, Scan

PAGE = 4096
SAMPLE = r"""
.text
.globl whole, inside, across, nobody
.type whole, @function
whole: .cfi_startproc
 xorl %ecx, %ecx
 xorl %edx, %edx
 wrpkru
 ret
 .cfi_endproc
.size whole, . - whole
.type inside, @function
inside: .cfi_startproc
 nop
 movl $0x00ef010f, %eax
 ret
 .cfi_endproc
.size inside, . - inside
.type across, @function
across: .cfi_startproc
 roll $15, %r15d
 addl %ebp, %edi
 ret
 .cfi_endproc
.size across, . - across
.type fence, @function
fence: lfence
 ret
.size fence, . - fence
"""
PROCESS = r"""
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
int main(void) {
    char *pages = mmap(0, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    volatile char gadget[] = {0x0f, 0x01, (char)0xef};
    for (int i = 0; i < 3; i++) pages[4096 - 1 + i] = gadget[i];
    mprotect(pages, 4096, PROT_READ | PROT_EXEC);
    madvise(pages + 4096, 4096, MADV_DONTDUMP);
    mprotect(pages + 4096, 4096, PROT_READ | PROT_EXEC);
    printf("%p\n", (void *)pages);
    fflush(stdout);
    pause();
}
"""
PLACES = {
    "whole": ("instruction", 4, "wrpkru"),
    "inside": ("inside", 2, "mov $0xEF010F,%eax"),
    "across": ("across", 3, "rol $0xF,%r15d; add %ebp,%edi"),
}


@pytest.mark.parametrize("flags", [("-shared",), ("-shared", "-s"), ("-c",)], ids=["symbols", "stripped", "object"])
def test_each_hit_is_placed(gcc: Callable[..., Path], scan: Scan, flags: tuple[str, ...]) -> None:
    code, found = scan(gcc("sample.s", SAMPLE, "-nostdlib", *flags))
    assert (code, found["kind"], found["open"]) == (1, "elf", 3)
    assert [hit["gadget"] for hit in found["hits"]] == ["WRPKRU"] * 3
    for hit, (name, (context, offset, text)) in zip(found["hits"], PLACES.items(), strict=True):
        assert hit["bytes"] == "0f 01 ef"
        assert hit["verdict"] == "open"
        if flags == ("-c",):  # not laid out yet: no addresses of functions
            continue
        assert hit["function"] == name  # exported: the dynamic symbols are still there
        assert (hit["context"], hit["function_offset"], hit["instruction"]) == (context, offset, text)


def test_a_function_without_a_symbol_is_known_by_the_unwind_tables(gcc: Callable[..., Path], scan: Scan) -> None:
    hidden = SAMPLE.replace(".globl whole, inside, across, nobody", "")
    _, found = scan(gcc("sample.s", hidden, "-nostdlib", "-shared", "-s", "-Wl,--eh-frame-hdr"))
    for hit, (context, offset, text) in zip(found["hits"], PLACES.values(), strict=True):
        assert hit["function"] is None
        assert (hit["context"], hit["function_offset"], hit["instruction"]) == (context, offset, text)


def test_the_text_for_people(gcc: Callable[..., Path], probe: Callable[..., Outcome]) -> None:
    outcome = probe(gcc("sample.s", SAMPLE, "-nostdlib", "-shared"))
    assert outcome.code == 1
    assert "  in    sample, inside+0x2\n  lies  inside mov $0xEF010F,%eax (at 0x" in outcome.stdout
    assert outcome.stdout.endswith("executable bytes in 1 run: 3 that change rights\n")


def test_our_own_sites_are_guarded(scan: Scan) -> None:
    import mpk._native

    assert mpk._native.__file__
    _, found = scan(mpk._native.__file__)
    guarded = [hit for hit in found["hits"] if hit["verdict"] == "guarded"]
    assert {"mpk_gate_enter", "mpk_gate_exit"} <= {hit["function"] for hit in guarded}
    rest = [hit for hit in found["hits"] if hit["verdict"] != "guarded"]
    assert {hit["function"] for hit in rest} <= {"loop_wrpkru"}  # the probe's own, bare one


def test_each_guarded_site_is_compared_right_behind() -> None:
    """The list alone proves nothing: EAX is compared, and a jump taken, before anything is stored."""
    from iced_x86 import Decoder, FlowControl, InstructionInfoFactory, Mnemonic, OpAccess

    import mpk._native
    from mpk.scanner.image import Image

    path = Path(str(mpk._native.__file__))
    data = path.read_bytes()
    with path.open("rb") as file:
        sites = Image(file, len(data)).guarded
    assert len(sites) >= 8
    factory = InstructionInfoFactory()
    for site in sites:  # text lies at its own offset here
        decoder = Decoder(64, data[site : site + 64])
        assert decoder.decode().mnemonic == Mnemonic.WRPKRU
        compared = False
        for instruction in decoder:
            info = factory.info(instruction)
            writes = (OpAccess.WRITE, OpAccess.READ_WRITE, OpAccess.COND_WRITE, OpAccess.READ_COND_WRITE)
            assert not any(memory.access in writes for memory in info.used_memory()), hex(site)
            compared |= instruction.mnemonic == Mnemonic.CMP
            if instruction.flow_control == FlowControl.CONDITIONAL_BRANCH:
                break
            assert instruction.flow_control == FlowControl.NEXT, hex(site)
        assert compared, hex(site)


STATE = "movabs $0x201000000028, %rdx\n mov (%rdx), %rdx\n mov %rdx, %rcx\n shr $32, %rcx\n and %ecx, %eax\n"
COMPARED = {
    "with a copy": "cmp %eax, %edi\n jne 2f\n ret",
    "with a copy, the other way": "cmp %edi, %eax\n je 3f\n mov %eax, %edi\n jmp 2f\n 3: ret",
    "with the protected state": STATE + "cmp %edx, %eax\n jne 2f\n ret",
}
UNGUARDED = {
    "nothing": "nop\n ret",
    "another jump": "test %eax, %eax\n jne 1b\n cmp %eax, %edi",
    "a call first": "call 1b\n cmp %eax, %edi\n jne 2f\n ret\n 2: ud2",
    "too late": "nop\n " * 12 + "cmp %eax, %edi\n jne 2f\n ret\n 2: ud2",
    "with itself": "cmp %eax, %eax\n jne 2f\n ret\n 2: ud2",
    "with a copy made after it": "mov %eax, %edi\n cmp %eax, %edi\n jne 2f\n ret\n 2: ud2",
    "two others": "cmp %esi, %edi\n jne 2f\n ret\n 2: ud2",
    "with a constant": "cmp $0, %eax\n jne 2f\n ret\n 2: ud2",
    "with memory": "cmp (%rsp), %eax\n jne 2f\n ret\n 2: ud2",
    "with the zero that it wants": "cmp %ecx, %eax\n jne 2f\n ret\n 2: ud2",
    "both ways alike": "cmp %eax, %edi\n jne 2f\n 2: ud2",
    "to no end": "cmp %eax, %edi\n jne 2f\n ret\n 2: ret",
    "forgotten": "cmp %eax, %edi\n test %esi, %esi\n jne 2f\n ret\n 2: ud2",
    "another jump's flags": "cmp %eax, %edi\n jo 2f\n ret\n 2: ud2",
    "a part": "cmp %al, %dil\n jne 2f\n ret\n 2: ud2",
    "a store first": "mov %eax, (%rsp)\n cmp %eax, %edi\n jne 2f\n ret\n 2: ud2",
    "another word": STATE.replace("28,", "30,") + "cmp %edx, %eax\n jne 2f\n ret\n 2: ud2",
    "another mask": STATE.replace("$32", "$31") + "cmp %edx, %eax\n jne 2f\n ret\n 2: ud2",
}


@pytest.mark.parametrize("what", UNGUARDED)
def test_a_list_of_sites_alone_guards_nothing(gcc: Callable[..., Path], scan: Scan, what: str) -> None:
    """A file may bring a list of its own: only what is compared counts."""
    listed = '.text\n1: wrpkru\n{}\n.section galeed_wrpkru, "a"\n.long 1b - .\n'
    code, found = scan(gcc("fake.s", listed.format(UNGUARDED[what]), "-nostdlib", "-shared"))
    assert (code, [hit["verdict"] for hit in found["hits"]]) == (1, ["open"])


@pytest.mark.parametrize("what", COMPARED)
def test_a_comparison_of_the_runtime_is_guarded_by_the_files_own_claim(
    gcc: Callable[..., Path], scan: Scan, what: str
) -> None:
    listed = '.text\n1: wrpkru\n{}\n2: ud2\n.section galeed_wrpkru, "a"\n.long 1b - .\n'
    code, found = scan(gcc("real.s", listed.format(COMPARED[what]), "-nostdlib", "-shared"))
    assert (code, [hit["verdict"] for hit in found["hits"]]) == (0, ["guarded"])
    assert any("what the file itself lists" in note and "no proof" in note for note in found["notes"])


def test_an_object_file_whose_sections_are_lost(gcc: Callable[..., Path], probe: Callable[..., Outcome]) -> None:
    """Nothing could be scanned, which is not the same as nothing found."""
    path = gcc("sample.s", SAMPLE, "-c")
    data = path.read_bytes()
    for place, lost in ((40, b"\0\0\0\0\0\1\0\0"), (60, b"\0\0")):  # where the table is; how long it is
        path.write_bytes(data[:place] + lost + data[place + len(lost) :])
        outcome = probe(path)
        assert (outcome.code, outcome.stdout) == (2, ""), outcome
        assert "neither segments nor sections" in outcome.stderr


def test_names_of_an_impossible_size_cost_only_the_names(gcc: Callable[..., Path], scan: Scan) -> None:
    shared = gcc("sample.s", SAMPLE, "-nostdlib", "-shared")
    data = bytearray(shared.read_bytes())
    for at in range(int.from_bytes(data[40:48], "little"), len(data), 64):
        if data[at + 4] == 3:  # SHT_STRTAB
            data[at + 32 : at + 40] = b"\xff" * 8
    shared.write_bytes(data)
    assert scan(shared)[0] == 1


def test_raw_bytes(tmp_path: Path, scan: Scan) -> None:
    (tmp_path / "raw").write_bytes(WRPKRU + b"\x90" * 100 + b"\xf3\x48\x0f\xae\xd0")
    code, found = scan(tmp_path / "raw")
    assert (code, found["kind"], found["scanned_bytes"]) == (1, "raw", 108)
    assert [(hit["gadget"], hit["file_offset"]) for hit in found["hits"]] == [("WRPKRU", 0), ("WRFSBASE", 103)]


def test_nothing_to_find(tmp_path: Path, scan: Scan) -> None:
    (tmp_path / "raw").write_bytes(b"\x0f\xae\xe8" * 1000)
    assert scan(tmp_path / "raw")[0] == 0
    (tmp_path / "empty").write_bytes(b"")
    assert scan(tmp_path / "empty")[0] == 0


def test_what_faults_in_user_mode_is_told_and_no_finding(tmp_path: Path, scan: Scan) -> None:
    (tmp_path / "raw").write_bytes(b"\x0f\xc7\x1f")
    code, found = scan(tmp_path / "raw")
    assert (code, found["open"], found["hits"][0]["verdict"]) == (0, 0, "faults")


def test_a_large_sparse_file(tmp_path: Path, scan: Scan) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(200 << 20)
        for place in ((16 << 20) - 1, (32 << 20) - 2, 48 << 20, (200 << 20) - 3):
            file.seek(place)
            file.write(WRPKRU)
    code, found = scan(tmp_path / "large")
    assert code == 1
    assert [hit["file_offset"] for hit in found["hits"]] == [(16 << 20) - 1, (32 << 20) - 2, 48 << 20, (200 << 20) - 3]


def test_standard_input(gcc: Callable[..., Path]) -> None:
    sample = gcc("sample.s", SAMPLE, "-nostdlib", "-shared")
    done = subprocess.run(
        [*PROBE, "--scan", "-", "--json"], input=sample.read_bytes(), capture_output=True, check=False
    )
    found = json.loads(done.stdout)
    assert (done.returncode, found["kind"], found["open"]) == (1, "elf", 3)


def test_executable_pages_are_scanned_whole(gcc: Callable[..., Path], tmp_path: Path, scan: Scan) -> None:
    """The kernel maps whole pages: what lies behind the text in its last page can be run too."""
    sample = gcc("sample.s", ".globl f\nf: ret\n", "-nostdlib", "-shared", "-Wl,-z,separate-code")
    from elftools.elf.elffile import ELFFile

    with sample.open("rb") as file:
        text = next(s for s in ELFFile(file).iter_segments() if s["p_type"] == "PT_LOAD" and s["p_flags"] & 1)
        end = text["p_offset"] + text["p_filesz"]
    data = bytearray(sample.read_bytes())
    assert len(data) > end + 100, "the file goes on behind the text"
    data[end + 50 : end + 53] = WRPKRU
    (tmp_path / "tail").write_bytes(data)
    code, found = scan(tmp_path / "tail")
    assert (code, [hit["file_offset"] for hit in found["hits"]]) == (1, [end + 50])


@pytest.fixture
def sleeping(gcc: Callable[..., Path]) -> Iterator[tuple[int, int]]:
    """A process with a gadget across two mappings: its id, and the first one's address."""
    with subprocess.Popen([gcc("process.c", PROCESS, "-O2")], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield process.pid, int(process.stdout.readline(), 16)
        process.kill()


def test_a_process(sleeping: tuple[int, int], scan: Scan) -> None:
    pid, pages = sleeping
    code, found = scan(str(pid))
    assert (code, found["kind"]) == (1, "process")
    hits = {int(hit["address"], 16): hit for hit in found["hits"]}
    assert hits[pages + PAGE - 1]["gadget"] == "WRPKRU"
    assert hits[pages + PAGE - 1]["object"] is None
    placed = {(hit["function"], hit["context"]) for hit in hits.values() if "libc" in (hit["object"] or "")}
    assert placed == {("pkey_set", "instruction")}


def test_a_process_that_is_gone(probe: Callable[..., Outcome]) -> None:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    outcome = probe(str(process.pid))
    assert (outcome.code, outcome.stdout) == (2, "")
    assert outcome.stderr == f"galeed-probe: {process.pid}: there is no such process\n"


def test_a_process_that_ends_has_no_memory(probe: Callable[..., Outcome]) -> None:
    with subprocess.Popen(["true"]) as process:
        for _ in range(500):
            if Path(f"/proc/{process.pid}/stat").read_text().split()[2] == "Z":
                break
            time.sleep(0.01)
        outcome = probe(str(process.pid))
    assert outcome.code == 2, outcome
    assert outcome.stderr.startswith(f"galeed-probe: {process.pid}: ")
    assert outcome.stderr.count("\n") == 1


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


DAMAGED: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "half": (cut, "cut off"),
    "header": (lambda data: data[:40], "cut off or damaged"),
    "magic": (lambda data: data[:4], "cut off or damaged"),
    "class": (lambda data: data[:4] + b"\x09" + data[5:], "cut off or damaged"),
    "segments": (lambda data: data[:32] + b"\xff" * 8 + data[40:], "cut off or damaged"),
    "another CPU": (lambda data: data[:18] + b"\xb7\x00" + data[20:], "another CPU (AARCH64)"),
}


@pytest.mark.parametrize("how", DAMAGED)
def test_damaged_files(tmp_path: Path, probe: Callable[..., Outcome], how: str) -> None:
    damage, words = DAMAGED[how]
    (tmp_path / "damaged").write_bytes(damage(Path(sys.executable).resolve().read_bytes()))
    outcome = probe(tmp_path / "damaged")
    assert (outcome.code, outcome.stdout) == (2, ""), outcome
    assert words in outcome.stderr, outcome
    assert outcome.stderr.count("\n") == 1


def test_what_is_no_file(tmp_path: Path, probe: Callable[..., Outcome]) -> None:
    os.mkfifo(tmp_path / "pipe")
    for target, words in {
        tmp_path / "nothing": "No such file or directory",
        tmp_path: "Is a directory",
        tmp_path / "pipe": "not a regular file",
        Path("/dev/zero"): "not a regular file",
        Path("9" * 5000): "no such process",
    }.items():
        outcome = probe(target)
        assert (outcome.code, outcome.stdout) == (2, ""), outcome
        assert words in outcome.stderr
        assert outcome.stderr.count("\n") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be somebody else")
def test_without_permission(tmp_path: Path) -> None:
    """As nobody: a file of root's, and a process of root's (this one)."""
    (tmp_path / "secret").write_bytes(b"")
    (tmp_path / "secret").chmod(0)
    for target in (str(tmp_path / "secret"), str(os.getpid())):
        # All is imported as root: the interpreter's files may be closed to nobody.
        code = """if True:
            import os, sys
            import mpk.gadgets, mpk.scanner.command
            from mpk import probe
            probe.main(["--scan", "/nonexistent"])
            os.setgid(65534); os.setuid(65534)
            sys.stderr.write("=\\n")
            sys.exit(probe.main(sys.argv[1:]))
        """
        done = subprocess.run(
            [sys.executable, "-c", code, "--scan", target], capture_output=True, text=True, cwd=ROOT, check=False
        )
        assert done.returncode == 2, done
        told = done.stderr.partition("=\n")[2]
        assert "ermission" in told and told.count("\n") == 1, done.stderr


def test_windows_of_any_size_find_the_same(tmp_path: Path) -> None:
    longest = b"\xf3" + b"\x2e" * 11 + b"\x0f\xae\xd0"
    data = b"".join([WRPKRU, longest, b"\x90" * 5, WRPKRU * 2, longest, b"\x0f\xae\x28"])
    (tmp_path / "data").write_bytes(data)
    with (tmp_path / "data").open("rb") as file:
        half = len(data) // 2
        whole = Run((Piece(0, len(data), file.fileno(), 0),))
        split = runs_of([Piece(0, half, file.fileno(), 0), Piece(half, len(data) - half, file.fileno(), half)])
        assert len(split) == 1
        ignored: list[int] = []
        wanted = list(hits_in(whole, ignored.append))
        assert len(wanted) == 6
        assert max(hit.size for hit in wanted) == MAX_BYTES
        for window in range(1, len(data) + 1):
            counted: list[int] = []
            assert list(hits_in(split[0], counted.append, window)) == wanted
            assert sum(counted) == len(data)
