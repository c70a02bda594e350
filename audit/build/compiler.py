"""Stands in for a C compiler in build scripts: compiles as asked, and leaves bitcode beside each object.

Invariant: the object and the exit status are those of the compilation that was asked for; bitcode that
cannot be made is left out. ``python -m audit.build.compiler c|c++ ARGUMENTS``.
"""

from __future__ import annotations

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
    if line.mode is Mode.OBJECT:
        for item in line.inputs:
            if item.language in known.REWRITTEN_LANGUAGES:
                _bitcode(clang, line, item)
    return 0


def _bitcode(clang: list[str], line: CommandLine, item: Item) -> None:
    output = (line.output or default_output(line, item)) + SUFFIX
    words: list[str] = []
    for each in line.items:
        if not each.is_input and not each.name.startswith(("-o", "--output", "-x", *_NOT_FOR_BITCODE)):
            words += each.words
    language = ["-x", str(item.language)] if item.language_forced else []
    ours = ["-c", "-emit-llvm", "-O1", "-g", "-w", "-o", output]
    made = subprocess.run([*clang, *words, *ours, *language, item.name], capture_output=True)
    if made.returncode != 0:
        Path(output).unlink(missing_ok=True)


def main() -> int:
    """The command. Returns its exit code."""
    if sys.argv[1:2] not in (["c"], ["c++"]):
        raise DriverError("usage: python -m audit.build.compiler c|c++ ARGUMENTS")
    return drive(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(run_main("galeed-audit's compiler", main))
