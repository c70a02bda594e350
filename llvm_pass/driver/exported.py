"""The entries that a command itself names: by --galeed-entries, or by the version script of what it links.

A shared object's version script says all that can be called by name from outside. Function
pointers may still lead to anything whose address is used, so that stays an entry.

Invariant: only for what is compiled and linked into one shared object by one command: an
object of its own may be linked anywhere. What the user names goes before what is found.
"""

from collections.abc import Iterator
from pathlib import Path

from llvm_pass.driver.command_line import CommandLine, Mode
from llvm_pass.policy import Policy

_OPTION = "--version-script"


def with_entries(policy: Policy, line: CommandLine) -> Policy:
    """The policy with the command's entries. Raises PolicyError."""
    if line.entries is not None:
        return policy.with_entries(filter(None, line.entries.split(",")), "--galeed-entries", Path())
    if line.mode is not Mode.LINK or not line.has("-shared", "--shared") or policy.names("entries") is not None:
        return policy
    scripts = list(_scripts(line))
    if not scripts or not all(Path(name).is_file() for name in scripts):  # missing: the linker says it best
        return policy
    return policy.with_entries([f"@{name}" for name in scripts], _OPTION, Path(), pointers_enter=True)


def _scripts(line: CommandLine) -> Iterator[str]:
    """The files of all --version-script options, as the linker gets them."""
    words: list[str] = []
    for item in line.items:
        if item.is_input:
            continue
        if item.name.startswith("-Wl,"):
            words += item.name.removeprefix("-Wl,").split(",")
        elif item.name == "-Xlinker":
            words += item.words[1:]
    for place, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name.lstrip("-") == "version-script" and name.startswith("-"):
            if equals:
                yield value
            elif place + 1 < len(words):
                yield words[place + 1]
