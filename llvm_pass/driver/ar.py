"""galeed-ar: an archiver for build systems that want one beside their compiler.

Objects that galeed-cc makes are ordinary ELF, so any `ar` serves; this one is
there without a system toolchain and always deterministic. It passes everything
on: `galeed-ar s lib.a` is ranlib. Calls between an archive's objects need nothing done here:
the linker leads them to the bodies (passes/direct_calls.py).
"""

import os
import shutil
import sys

from llvm_pass.driver import help_text
from llvm_pass.driver.clang import zig_directory
from llvm_pass.driver.errors import DriverError, run_main
from llvm_pass.driver.run import Runner

DETERMINISTIC_OPERATIONS = frozenset("dmqrs")


def archiver(arguments: list[str]) -> list[str]:
    """The command that stands behind `galeed-ar arguments`.

    Raises: DriverError when there is no archiver.
    """
    wanted = os.environ.get("GALEED_AR")
    if wanted:
        path = shutil.which(wanted)
        if path is None:
            raise DriverError(f"GALEED_AR={wanted}: no such program, or not executable")
        return [path, *arguments]
    zig = zig_directory()
    if zig is not None:
        return [str(zig / "zig"), "ar", *arguments]  # llvm-ar, deterministic by default
    for name in ("llvm-ar", "ar"):
        path = shutil.which(name)
        if path is not None:
            return [path, *(deterministic(arguments) if name == "ar" else arguments)]
    raise DriverError("no archiver: install Python package ziglang, or binutils")


def deterministic(arguments: list[str]) -> list[str]:
    """GNU ar's arguments with modifier D, unless U asks for real times and owners."""
    if not arguments or arguments[0].startswith("--"):
        return arguments
    operation = arguments[0]
    letters = operation.removeprefix("-")
    if DETERMINISTIC_OPERATIONS.isdisjoint(letters) or not {"D", "U", "M"}.isdisjoint(letters):
        return arguments
    return [operation + "D", *arguments[1:]]


def drive(arguments: list[str]) -> int:
    """Becomes the archiver; its help has ours before it."""
    command = archiver(arguments)
    if arguments and arguments[0] in ("--help", "-h", "-help"):
        print(help_text.ARCHIVER, end="")
    return Runner().replace(command)


def main() -> int:
    """Entry point of `galeed-ar`."""
    return run_main("galeed-ar", lambda: drive(sys.argv[1:]))


if __name__ == "__main__":
    sys.exit(main())
