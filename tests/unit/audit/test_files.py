"""Files are written whole, with the rights that their user wants."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from audit.files import shown, write_out, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def private() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("private")
def test_a_new_file_has_the_rights_of_the_umask_and_an_old_one_its_own(tmp_path: Path) -> None:
    new, old = tmp_path / "new", tmp_path / "old"
    write_whole(new, "text")
    old.write_bytes(b"before")
    old.chmod(0o640)
    write_out(old, b"after")
    assert (_mode(new), new.read_text(encoding="utf-8")) == (0o600, "text")
    assert (_mode(old), old.read_bytes()) == (0o640, b"after")


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("file")
    write_out(tmp_path / "link", b"first")
    write_out(tmp_path / "link", b"second")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "file").read_bytes() == b"second"


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path / "folder", "text")
    assert [each.name for each in tmp_path.iterdir()] == ["folder"]


def test_names_are_shown_from_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert shown(f"{tmp_path}/a/b.c") == "a/b.c"
    assert shown("/elsewhere/b.c") == "/elsewhere/b.c" and shown("a/../b.c") == "a/../b.c"
