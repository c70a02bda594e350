"""What the report says of a build, from a log and files made for the purpose."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from llvm_pass.driver import cargo_entries, cargo_report, log
from llvm_pass.driver.cargo_build import Build, Script
from llvm_pass.driver.cargo_environment import Place
from llvm_pass.driver.cargo_project import Package, Project
from llvm_pass.driver.clang import find_clang
from llvm_pass.policy import Policy, load


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


def test_entries_that_no_c_has_are_told(made: Made, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made.source.write_text(
        "static int in(int x) { return x; } int (*out)(void) = (void *)in; int inflate(void) { return 0; }"
    )
    made.object.unlink()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "GALEED_POLICY": ""}
    command = [sys.executable, "-P", "-m", "llvm_pass.driver.cc", "c", "-c", str(made.source), "-o", str(made.object)]
    subprocess.run(command, check=True, env=environment)
    archive(made.out / "libmine.a", mine=made.object.read_bytes())

    def absent(*words: str) -> list[str]:
        quoted = ", ".join(f'"{word}"' for word in words)
        (tmp_path / "list").write_text("nowhere")
        policy = load(f"\nentries = [{quoted}]".encode(), "galeed.toml", tmp_path)
        return cargo_entries.absent(policy, [Script("mine", (), (made.out,), made.out)], made.place.target)

    assert absent("inflate", "i?", "inf*", "@list") == []
    assert absent("inflat", "x*") == [
        "galeed.toml:2: no C of this build has an entry 'inflat'; did you mean 'inflate'?",
        "galeed.toml:2: no C of this build has an entry 'x*'; there are in, inflate",
    ]
    assert cargo_entries.absent(Policy(), [], made.place.target) == []


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


def compiled(folder: Path, name: str, text: str, *words: str) -> bytes:
    """An object; a .S or .c by the suffix of its name."""
    (folder / name).write_text(text)
    command = [*find_clang().command, *words, "-c", name, "-o", f"{name}.o"]
    subprocess.run(command, cwd=folder, check=True)
    return (folder / f"{name}.o").read_bytes()


IN_SECTION = '__attribute__((section("galeed_text"))) '  # stands for what the pass made
CALLER = f"void inner(void); {IN_SECTION}void caller(void) {{ inner(); }}"
ASSEMBLER = ".text\n.globl inner, _inner\ninner:\n_inner: ret\n"


def test_a_library_that_others_compiled_is_a_warning_even_quietly(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive(made.out / "libmine.a", mine=compiled(tmp_path, "plain.c", "int plain(void) { return 1; }"))
    report = made.report("static=mine", "static=mine", "z", "dylib=z", "stdc++", "m")
    assert [(each.name, each.called_from_rust) for each in report.libraries] == [
        ("mine", True),
        ("z", True),
        ("stdc++", False),
    ]
    cargo_report.show(report, quiet=True)
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("warning: mine 1.0.0: library mine: static library not compiled by galeed-cc")
    assert "(mine.o)" in first
    assert second.startswith("warning: mine 1.0.0: library z: the system's shared library")
    assert "`static`, `bundled` or `vendored`" in second
    cargo_report.show(report, quiet=False)
    assert capsys.readouterr().err.count("warning:") == 2


def test_assembler_that_rewritten_code_calls_is_told_from_what_rust_calls(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    caller = compiled(tmp_path, "caller.c", CALLER)
    archive(made.out / "libmine.a", caller=caller, inner=compiled(tmp_path, "inner.S", ASSEMBLER))
    report = made.report("static=mine")
    assert report.libraries[0].inner == report.libraries[0].objects == ["inner.o"]
    cargo_report.show(report, quiet=True)
    assert capsys.readouterr().err == ""
    cargo_report.show(report, quiet=False)
    said = capsys.readouterr().err
    assert "inner.o: not rewritten; called from rewritten C, it traps on pseudo-pointers" in said
    assert "no_asm" in said
    assert "Rust's rights" not in said

    more = ASSEMBLER + ".globl outer\nouter: ret\n"
    archive(made.out / "libmine.a", caller=caller, inner=compiled(tmp_path, "inner.S", more))
    cargo_report.show(made.report("static=mine"), quiet=True)
    assert "1 of 2 objects not rewritten; called from Rust" in capsys.readouterr().err


def test_what_could_not_be_rewritten_is_named(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    def said(forms: list[str], uncallable: list[str]) -> str:
        made.log(missed=len(forms) + len(uncallable), forms=forms, uncallable=uncallable)
        cargo_report.show(made.report(), quiet=False)
        return capsys.readouterr().err

    one = said(["grow, line 7: inline assembly"], [])
    assert "1 form could not be rewritten and traps on pseudo-pointers: grow, line 7: inline assembly\n" in one
    many = said([f"f{n}: why" for n in range(5)], ["say"])
    assert "5 forms could not be rewritten and trap on pseudo-pointers: f0: why; f1: why; f2: why and 2 more" in many
    assert "; say cannot be called from Rust (variadic)\n" in many
    assert "could not be rewritten" not in said([], ["say", "tell"])


def test_the_pass_says_what_it_missed(made: Made, tmp_path: Path) -> None:
    made.source.write_text(
        "#include <stdarg.h>\n"
        "int tell(int n, ...) { va_list all; va_start(all, n); n += va_arg(all, int); va_end(all); return n; }\n"
        'void ask(int *at) { __asm__ volatile("lock incl %0" : "+m"(*at)); }\n'
        "__attribute__((ms_abi)) int say(int n, ...) { return n; }\n"
    )
    words = ["-g", "-c", str(made.source), "-o", str(made.object)]
    subprocess.run([sys.executable, "-m", "llvm_pass.driver.cc", "c", *words], check=True)
    (source,) = made.report().sources
    assert source.uncallable == ["say"]
    assert len(source.forms) == source.missed - 1
    assert any(form.startswith("ask, line 3: ") for form in source.forms), source.forms
