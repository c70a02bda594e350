"""galeed-cc and galeed-c++: stand in for a C compiler, and rewrite what they compile.

Invariant: C, C++ and IR become code only through the pass. Everything else (the
preprocessor, headers, assembler, linking, questions about the compiler) is clang's,
word for word; sources that are not rewritten are logged with the reason.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from llvm_pass.driver import help_text, run
from llvm_pass.driver import options as known
from llvm_pass.driver.cargo_arguments import TRIPLE
from llvm_pass.driver.clang import Clang, find_clang
from llvm_pass.driver.command_line import CommandLine, Item, Mode, parse
from llvm_pass.driver.errors import run_main
from llvm_pass.policy import find

if TYPE_CHECKING:
    from llvm_pass.driver.compile import Compiler

BUILD_ROOT = "GALEED_BUILD_ROOT"


def drive(argv: list[str], cxx: bool) -> int:
    """Does what one command asks for. Returns the exit status."""
    line = parse(argv)
    if any(not item.is_input and item.name in ("--help", "-help") for item in line.items):
        print(help_text.compiler(cxx), end="")
        return 0
    clang = find_clang()
    runner = run.Runner(line.verbose)
    if line.verbose:
        runner.say(f"clang from {clang.origin}")
    sources = [item for item in line.inputs if item.language is not None]
    several_to_one = line.output is not None and line.mode is not Mode.LINK and len(line.inputs) > 1
    if line.mode is Mode.OTHER or several_to_one or for_build_machine():
        if line.mode is not Mode.OTHER and not several_to_one:
            _log_untouched(line, sources, "runs on the build machine only (a build script's or macro's own C)")
        return runner.replace([*clang.driver(cxx), *line.words])
    rewritable = [item for item in sources if item.language in known.REWRITTEN_LANGUAGES]
    if not rewritable and line.mode is not Mode.LINK:
        _log_untouched(line, sources)
        return runner.replace([*clang.driver(cxx), *line.words])
    return run.with_signals(runner, lambda: _staged(clang, line, cxx, runner))


def for_build_machine() -> bool:
    """Does a build script call that belongs to the build itself, not to the program?

    cargo keeps what is for the target triple in a directory of that name and the rest
    beside it. When host and target are the same triple, nothing else tells them apart.
    """
    root, out = os.environ.get(BUILD_ROOT), os.environ.get("OUT_DIR")
    if not root or not out:
        return False
    whole, mine = Path(root).resolve(), Path(out).resolve()
    return mine.is_relative_to(whole) and not mine.is_relative_to(whole / TRIPLE)


def _staged(clang: Clang, line: CommandLine, cxx: bool, runner: run.Runner) -> int:
    from llvm_pass.driver.compile import Compiler
    from llvm_pass.driver.exported import with_entries

    policy = with_entries(find(line.policy), line)
    with run.scratch() as scratch:
        compiler = Compiler(clang, line, runner, cxx, scratch, policy)
        if line.mode is Mode.LINK:
            return _compile_and_link(compiler, scratch)
        worst = 0
        for item in line.inputs:
            if item.language not in known.REWRITTEN_LANGUAGES:
                status = runner.run(_alone(clang, line, cxx, item))
                if status == 0 and item.language is not None:
                    _log_untouched(line, [item])
            else:
                status = compiler.compile(item, line.output or default_output(line, item), line.mode)
            worst = max(worst, status)
        return worst


def _compile_and_link(compiler: Compiler, scratch: Path) -> int:
    from llvm_pass.driver import link, log

    line = compiler.line
    objects: dict[int, str] = {}
    for place, item in enumerate(line.items):
        if not item.is_input or item.language is None:
            continue
        if item.language not in known.REWRITTEN_LANGUAGES:
            _log_untouched(line, [item])
            continue
        directory = scratch / str(place)  # two sources may share a name
        directory.mkdir()
        objects[place] = str(directory / (Path(item.name).stem + ".o"))
        status = compiler.compile(item, objects[place], Mode.OBJECT, line.output or "a.out")
        if status != 0:
            return status
    command = link.link_command(compiler.clang, line, compiler.cxx, objects, scratch, compiler.runner)
    status = compiler.runner.run(command)
    for entry in compiler.linked:
        log.write(entry)
    return status


def default_output(line: CommandLine, item: Item) -> str:
    """Where clang would put it without -o."""
    stem = Path(item.name).stem if item.name != "-" else "-"
    if line.mode is Mode.ASSEMBLY:
        return stem + (".ll" if line.emit_llvm else ".s")
    return stem + (".bc" if line.emit_llvm else ".o")


def _alone(clang: Clang, line: CommandLine, cxx: bool, only: Item) -> list[str]:
    """The command for one of several inputs."""
    words = clang.driver(cxx)
    for item in line.items:
        if not item.is_input and not item.name.startswith("-x"):
            words += item.words
    return [*words, *(["-x", str(only.language)] if only.language_forced else []), only.name]


def _log_untouched(line: CommandLine, sources: list[Item], reason: str | None = None) -> None:
    from llvm_pass.driver import log

    for item in sources:
        why = reason or (
            "assembler: there is nothing that LLVM could rewrite"
            if item.language in known.ASSEMBLER
            else f"{item.language}: not code, or not for this machine"
        )
        output = line.output or default_output(line, item)
        log.write(log.Entry(item.name, output, False, why, item.language))


def main_c() -> int:
    """Entry point of `galeed-cc`."""
    return run_main("galeed-cc", lambda: drive(sys.argv[1:], cxx=False))


def main_cxx() -> int:
    """Entry point of `galeed-c++`."""
    return run_main("galeed-c++", lambda: drive(sys.argv[1:], cxx=True))


if __name__ == "__main__":
    # python -m llvm_pass.driver.cc c|c++ ARGUMENTS: how cargo galeed's wrappers call us.
    cxx_wanted = sys.argv[1:2] == ["c++"]
    del sys.argv[1:2]
    sys.exit(main_cxx() if cxx_wanted else main_c())
