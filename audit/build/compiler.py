"""Stands in for a C compiler in build scripts: compiles as asked, and leaves bitcode of each source.

The bitcode lies beside the build script's OUT_DIR, where scripts that tidy up do not find it; without OUT_DIR beside the object.
What is compiled twice alike (as libtool does, with -DPIC and without) leaves it once.

Invariant: the object and the exit status are those of the compilation that was asked for; bitcode that
cannot be made is left out. ``python -m audit.build.compiler c|c++ ARGUMENTS``.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import subprocess
import sys
from pathlib import Path

from llvm_pass.driver import options as known
from llvm_pass.driver.cc import default_output
from llvm_pass.driver.clang import find_clang
from llvm_pass.driver.command_line import CommandLine, Item, Mode, parse
from llvm_pass.driver.errors import DriverError, run_main

SUFFIX = ".audit.bc"
_RECORD = ".object"  # which bitcode an object has
# What autoconf and CMake compile to see whether it compiles: no part of the library, and there are hundreds.
_ONLY_PIC = {"-DPIC", "-DDLL_EXPORT"}
_CHECK, _CHECKS = "conftest", frozenset({"CMakeScratch", "CMakeTmp", "CompilerIdC", "CompilerIdCXX"})
# What would make bitcode of another form, or stop it for a warning.
_NOT_FOR_BITCODE = ("-O", "-flto", "-fno-lto", "-Werror", "-M", "-save-temps", "-fembed-bitcode", "-g")


def drive(argv: list[str]) -> int:
    """argv: c or c++, and the compiler's arguments. Returns the compiler's exit status."""
    cxx, words = argv[0] == "c++", argv[1:]
    line = parse(words)
    clang = find_clang().driver(cxx)
    status = subprocess.run([*clang, *words], stderr=subprocess.PIPE)
    if status.returncode != 0:  # options that only another compiler knows: the program must build anyway
        other = shlex.split(os.environ.get("GALEED_HOST_CXX" if cxx else "GALEED_HOST_CC", "c++" if cxx else "cc"))
        again = subprocess.run([*other, *words])
        if again.returncode != 0:
            sys.stderr.buffer.write(status.stderr)
            return again.returncode
    else:
        sys.stderr.buffer.write(status.stderr)
    if line.mode is Mode.OBJECT and not _CHECKS & set(Path.cwd().parts):
        for item in line.inputs:
            if item.language in known.REWRITTEN_LANGUAGES and Path(item.name).stem != _CHECK:
                _bitcode(clang, line, item, _place(line, item, words))
    return 0


def folder_of(out: Path) -> Path:
    """Where the bitcode lies of what was built for this OUT_DIR."""
    return out.parent / "audit-bitcode"


def _place(line: CommandLine, item: Item, words: list[str]) -> str:
    output = line.output or default_output(line, item)
    out = os.environ.get("OUT_DIR")
    if not out:
        return output + SUFFIX
    folder, source, made = folder_of(Path(out)), Path(item.name).absolute(), Path(output).absolute()
    folder.mkdir(exist_ok=True)
    macros = sorted({each for each in words if each.startswith("-D")} - _ONLY_PIC)
    mark = hashlib.sha256("\0".join([str(source), *macros]).encode(errors="surrogateescape")).hexdigest()[:16]
    place = folder / f"{source.stem}-{mark}{SUFFIX}"
    _replace(place, source, made)
    return str(place)


def _replace(place: Path, source: Path, made: Path) -> None:
    """made: the object. Bitcode of an earlier build of them, with other macros, goes: it is of no program that is
    built now. It stays as long as another object has it."""
    what = hashlib.sha256(f"{source}\0{made}".encode(errors="surrogateescape")).hexdigest()[:16]
    record = place.parent / f"{what}{_RECORD}"
    old = _recorded(record)[0] if record.is_file() else ""
    if old == place.name:
        return
    new = record.with_name(f"{record.name}.{os.getpid()}")
    new.write_text(f"{place.name}\0{made}", encoding="utf-8", errors="surrogateescape")
    new.replace(record)
    if old and old not in {_recorded(each)[0] for each in record.parent.glob(f"*{_RECORD}")}:
        (record.parent / old).unlink(missing_ok=True)


def _recorded(record: Path) -> tuple[str, str]:
    """The bitcode's name and its object."""
    name, _, made = record.read_text(encoding="utf-8", errors="surrogateescape").partition("\0")
    return name, made


def objects(out: Path) -> frozenset[str]:
    """The file names of objects that have bitcode, of what was built for this OUT_DIR."""
    folder = folder_of(out)
    kept = [_recorded(each) for each in folder.glob(f"*{_RECORD}")]
    return frozenset(Path(made).name for name, made in kept if (folder / name).is_file())


def _bitcode(clang: list[str], line: CommandLine, item: Item, output: str) -> None:
    words: list[str] = []
    for each in line.items:
        if not each.is_input and not each.name.startswith(("-o", "--output", "-x", *_NOT_FOR_BITCODE)):
            words += each.words
    language = ["-x", str(item.language)] if item.language_forced else []
    new = f"{output}.{os.getpid()}"  # the same source may be compiled at this moment, for another object
    ours = ["-c", "-emit-llvm", "-O1", "-g", "-w", "-o", new]
    made = subprocess.run([*clang, *words, *ours, *language, item.name], capture_output=True)
    if made.returncode == 0:
        Path(new).replace(output)
    else:
        Path(new).unlink(missing_ok=True)
        Path(output).unlink(missing_ok=True)


def main() -> int:
    """The command. Returns its exit code."""
    if sys.argv[1:2] not in (["c"], ["c++"]):
        raise DriverError("usage: python -m audit.build.compiler c|c++ ARGUMENTS")
    return drive(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(run_main("galeed-audit's compiler", main))
