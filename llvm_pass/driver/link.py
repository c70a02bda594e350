"""Linking by galeed-cc: clang as linker driver, and a runtime for hostless programs.

Invariant: a program that rewritten code is linked into always finds the runtime's
symbols: the host's own where the command brings it, else `standalone.c`, which
never grants anything. Shared objects get none: they find the host's at load time.
"""

from pathlib import Path

import llvm_pass
from llvm_pass.driver import ar, inspect_objects, run
from llvm_pass.driver.clang import Clang
from llvm_pass.driver.command_line import CommandLine
from llvm_pass.driver.compile import without_lto
from llvm_pass.driver.errors import DriverError

# Programs that bring all of their run time themselves, and outputs that are no programs.
NO_RUNTIME = (
    "-shared",
    "-r",
    "-nostdlib",
    "-nodefaultlibs",
    "-nolibc",
    "--shared",
    "-dynamiclib",
    "--no-standard-libraries",
)
# No name that ends in .a: cmake would take it, from what -v shows of a trial program's link, for
# a library that every link of the language needs, and ask for it when it is gone.
STANDALONE = "libgaleed-standalone.archive"
LONG_COMMAND_BYTES = 100_000  # beyond it the words go through a response file


def link_command(
    clang: Clang, line: CommandLine, cxx: bool, objects: dict[int, str], scratch: Path, runner: run.Runner
) -> list[str]:
    """The link, with each compiled source (by its place in `line.items`) replaced by its object.

    Raises: DriverError when the runtime for hostless programs does not compile.
    """
    words: list[str] = []
    forced: str | None = None
    for place, item in enumerate(line.items):
        if not without_lto([item]) or item.words == ("--",):
            continue
        if not item.is_input:
            if item.name in ("-x", "--language") or (
                len(item.words) == 1 and item.name.startswith(("-x", "--language="))
            ):
                continue  # said again before the inputs that it is still about
            words += item.words
            continue
        language = item.language if item.language_forced and place not in objects else None
        if language != forced:
            words += ["-x", language or "none"]
            forced = language
        words.append(objects.get(place, item.name))
    if _wants_runtime(line, objects):
        words += ["-x", "none"] if forced else []
        words.append(str(standalone_archive(clang, scratch, runner)))
    command = clang.driver(cxx)
    if sum(map(len, words)) > LONG_COMMAND_BYTES:
        response = scratch / "link.rsp"
        response.write_text("\n".join(_quoted(word) for word in words))
        words = [f"@{response}"]
    return [*command, *words]


def _wants_runtime(line: CommandLine, objects: dict[int, str]) -> bool:
    if line.has(*NO_RUNTIME) or any(
        "-r" in item.name.split(",") for item in line.items if item.name.startswith("-Wl,")
    ):
        return False
    if line.has_prefix(("-l",)):
        return True  # what a library found by search holds is the linker's to know
    files = [*objects.values(), *(item.name for item in line.inputs)]
    return any(inspect_objects.mentions_runtime(Path(file)) for file in files)


def standalone_archive(clang: Clang, scratch: Path, runner: run.Runner) -> Path:
    """Compiles `standalone.c` into an archive, so that it serves only what is still undefined."""
    here = Path(__file__).parent
    root = Path(llvm_pass.__file__).parent.parent
    compiled, library = scratch / "standalone.o", scratch / STANDALONE
    command = [*clang.command, "-std=c11", "-O2", "-fPIC", "-c", str(here / "standalone.c"), "-o", str(compiled)]
    command += [f"-I{root / 'pseudoptr' / 'include'}", f"-I{root / 'mpk' / 'csrc'}"]
    if runner.run(command) != 0:
        raise DriverError("the runtime for programs without a host does not compile (see clang's message above)")
    if runner.run(ar.archiver(["rcs", str(library), str(compiled)])) != 0:
        raise DriverError("the runtime for programs without a host cannot be put into an archive")
    return library


def _quoted(word: str) -> str:
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
