"""The view of libgaleed.so: errors are typed and one line long."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest

import pseudoptr
from pseudoptr import table
from pseudoptr.abi import Access, Error, Kind
from pseudoptr.errors import error_of


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


def test_the_package_gives_out_the_table() -> None:
    assert pseudoptr.Table is table.Table
    with pytest.raises(AttributeError, match="no attribute 'Tabel'"):
        _ = pseudoptr.Tabel


def test_a_violation_survives_pickling_and_says_itself() -> None:
    facts = table.Facts(
        Kind.SPATIAL, Access.WRITE, "fill", "too far", 1 << 63, 0x1000, 4, 62, 64, 7, mapped=True, pc=1, thread=2
    )
    violation = pickle.loads(pickle.dumps(table.Violation(facts)))
    assert violation.facts == facts and violation.offset == 62
    assert str(violation) == "spatial violation in fill: write of 4 bytes at offset 62 of 64 lent: too far"
    assert not isinstance(violation, table.TableError)


def test_each_error_number_has_its_type() -> None:
    for code, kind in ((Error.FULL, table.TableFull), (Error.ADDRESS, table.AddressTaken)):
        assert type(error_of(code, "")) is kind
    assert type(error_of(Error.NO_MEMORY, "")) is table.TableError
