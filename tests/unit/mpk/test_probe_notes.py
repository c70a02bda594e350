"""galeed-probe --scan: what is said beside the hits, so that nobody is misled by them."""

from __future__ import annotations

import errno
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from mpk.scanner import command, process

if TYPE_CHECKING:
    from pathlib import Path


def test_what_has_no_guards_before_it_is_linked_says_so(tmp_path: Path) -> None:
    (tmp_path / "one.s").write_text(".text\nwrpkru\nret\n")
    subprocess.run(["cc", "-c", "one.s"], cwd=tmp_path, check=True)
    subprocess.run(["ar", "rc", "all.a", "one.o"], cwd=tmp_path, check=True)
    for name, words in (("one.o", "it is a relocatable object"), ("all.a", "it is an archive, scanned as raw bytes")):
        found = command.scan_target(str(tmp_path / name))
        assert (found.open_count, len(found.notes)) == (1, 1)
        assert words in found.notes[0]
        assert f"note: {found.notes[0]}" in command.render(found)
        assert "scan the linked program" in found.notes[0]


def test_a_program_and_raw_bytes_have_no_note(tmp_path: Path) -> None:
    (tmp_path / "one.c").write_text("int main(void) { return 0; }\n")
    subprocess.run(["cc", "one.c", "-o", "one"], cwd=tmp_path, check=True)
    (tmp_path / "raw").write_bytes(b"\x0f\x01\xef")
    assert [command.scan_target(str(tmp_path / name)).notes for name in ("one", "raw")] == [[], []]


@pytest.mark.parametrize(("user", "words"), [(0, "even for root"), (1000, "root may")])
def test_a_refusal_does_not_send_root_to_root(user: int, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    assert words in str(process._refusal(PermissionError(errno.EPERM, "no")))
