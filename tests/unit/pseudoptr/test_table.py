"""The view of libgaleed.so: errors are typed and one line long."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pseudoptr import table


def test_a_missing_library_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("GALEED_LIBRARY", raising=False)
    monkeypatch.setenv("CARGO_TARGET_DIR", str(tmp_path))
    with pytest.raises(table.LibraryMissing, match="cargo build --release --package galeed-host"):
        table.Table()
    monkeypatch.setenv("GALEED_LIBRARY", str(tmp_path))
    with pytest.raises(table.LibraryMissing, match="no such file"):
        table.Table()


@pytest.mark.parametrize("content", [b"", b"garbage" * 100])
def test_a_file_that_is_no_library_is_named(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "libgaleed.so"
    path.write_bytes(content)
    with pytest.raises(table.LibraryMissing, match=r"cannot load .*libgaleed\.so") as caught:
        table.Table(path)
    assert "\n" not in str(caught.value)


def test_the_newest_build_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("GALEED_LIBRARY", raising=False)
    monkeypatch.setenv("CARGO_TARGET_DIR", str(tmp_path))
    for age, kind in enumerate(("debug", "release")):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "libgaleed.so").touch()
        os.utime(tmp_path / kind / "libgaleed.so", (1000 - age, 1000 - age))
    assert table.library_path() == tmp_path / "debug" / "libgaleed.so"
