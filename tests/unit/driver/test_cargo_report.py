"""What the report says of a build, from a log and files made for the purpose."""

from __future__ import annotations

from pathlib import Path

import pytest

from llvm_pass.driver import cargo_report, log
from llvm_pass.driver.cargo_build import Build, Script
from llvm_pass.driver.cargo_environment import Place
from llvm_pass.driver.cargo_project import Package, Project


class Made:
    """A package `mine` with one C file that galeed-cc compiled."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.place = Place(folder / "target")
        self.out = self.place.target / "debug" / "build" / "mine-1" / "out"
        self.out.mkdir(parents=True)
        self.source = folder / "mine" / "csrc" / "mine.c"
        self.source.parent.mkdir(parents=True)
        self.source.write_text("int mine;\n")
        self.object = self.out / "mine.o"
        self.object.write_bytes(b"rewritten")
        package = Package("mine", "1.0.0", folder / "mine" / "Cargo.toml", frozenset(["bin"]), True)
        self.project = Project({"mine": package}, ("mine",), ("mine",), {}, folder / "target", folder)
        monkeypatch.setenv("GALEED_CC_LOG", str(self.place.log))
        monkeypatch.setenv("OUT_DIR", str(self.out))

    def log(self, **more: object) -> None:
        log.write(log.Entry(str(self.source), str(self.object), True, "", "c", **more))  # type: ignore[arg-type]

    def report(self, *libraries: str, paths: tuple[Path, ...] = ()) -> cargo_report.Report:
        script = Script("mine", libraries, (self.out, *paths), self.out)
        return cargo_report.collect(self.project, Build(scripts=[script]), self.place)


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    return Made(tmp_path, monkeypatch)


def archive(path: Path, **members: bytes) -> None:
    text = b"!<arch>\n"
    for name, data in members.items():
        text += f"{name + '.o/':<16}{0:<12}{0:<6}{0:<6}{644:<8}{len(data):<10}`\n".encode()
        text += data + b"\n" * (len(data) % 2)
    path.write_bytes(text)


def test_an_entry_counts_while_its_object_is_the_one_we_wrote(made: Made) -> None:
    made.log()
    assert [each.source for each in made.report().sources] == ["csrc/mine.c"]
    made.object.write_bytes(b"by gcc...")  # the same name and size, by another compiler
    assert made.report().sources == []


def test_an_entry_counts_while_its_object_is_in_an_archive(made: Made) -> None:
    made.log()
    archive(made.out / "libmine.a", mine=b"rewritten")
    made.object.unlink()
    assert [each.source for each in made.report().sources] == ["csrc/mine.c"]
    archive(made.out / "libmine.a", mine=b"by gcc...")
    assert made.report().sources == []
