"""Takes away from the process what could undo its domains: ``mpk_harden.h`` from Python.

    >>> import mpk
    >>> report = mpk.harden("strict?")  # all of the level that can be had here
    >>> mpk.HardenPart.SYSCALLS in report.applied
    True
    >>> open("/etc/passwd")  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    PermissionError: Permission denied

What each part does, stops and costs a program is said in mpk_harden.h. Parts that must
be there before a program starts (rseq, secretmem) need its environment prepared:

    python -m mpk.hardening --policy full -- ./program argument...
    python -m mpk.hardening --policy strict,rseq -- python script.py

runs a command so. It raises the limit of locked memory as far as it may, switches
restartable sequences off and sets GALEED_HARDEN; the command itself calls mpk_harden.

Python notices strict levels: after ``landlock`` no module can be imported from a file,
after ``code`` or ``syscalls`` no extension can be loaded. Import first.

Attacker: none in this file; see the threat model for what each part assumes.
Exit codes of the runner: 2 for usage or environment, else the command's own.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import sys
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from importlib import import_module
from typing import Any

try:
    from mpk._native import ffi, lib
    from mpk.arguments import flags_of, require_type
    from mpk.errors import HardenError, InvalidArgumentError, message_of
except ImportError as missing:
    if __name__ != "__main__":
        raise
    print(f"galeed: the native part is missing ({missing}); run 'make setup' or 'pip install .'", file=sys.stderr)
    sys.exit(2)

_REASON_ENCODING = "utf-8"
_RSEQ_OFF = "glibc.pthread.rseq=0"


class HardenPart(IntFlag):
    """The parts of a policy; see enum mpk_harden_part. As text: their names as a policy has them.

    >>> print(HardenPart.DUMP | HardenPart.DEPUTY)
    dump,deputy
    """

    DUMP = lib.MPK_HARDEN_DUMP
    SECRETMEM = lib.MPK_HARDEN_SECRETMEM
    SEAL = lib.MPK_HARDEN_SEAL
    LANDLOCK = lib.MPK_HARDEN_LANDLOCK
    SYSCALLS = lib.MPK_HARDEN_SYSCALLS
    SIGNALS = lib.MPK_HARDEN_SIGNALS
    RSEQ = lib.MPK_HARDEN_RSEQ
    CODE = lib.MPK_HARDEN_CODE
    STACKS = lib.MPK_HARDEN_STACKS
    FORK = lib.MPK_HARDEN_FORK
    DEPUTY = lib.MPK_HARDEN_DEPUTY

    def __str__(self) -> str:
        return ",".join(part.name.lower() for part in HardenPart if part in self and part.name)


_NO_PARTS = HardenPart(0)


class HardenLevel(IntEnum):
    """Named levels; see enum mpk_harden_level."""

    NONE = lib.MPK_HARDEN_NONE
    BASIC = lib.MPK_HARDEN_BASIC
    STRICT = lib.MPK_HARDEN_STRICT
    FULL = lib.MPK_HARDEN_FULL


@dataclass(frozen=True)
class HardenPolicy:
    """parts to apply; optional: those of them that may be missing here."""

    parts: HardenPart
    optional: HardenPart = _NO_PARTS

    @classmethod
    def parse(cls, text: str) -> HardenPolicy:
        """From words as GALEED_HARDEN takes them: "strict", "seal,code", "full?".

        Raises InvalidArgumentError naming the text. Source: mpk_harden.h, mpk_harden_parse.
        """
        require_type("text", text, str)
        out: Any = ffi.new("struct mpk_harden_policy *")
        if "\0" in text or lib.mpk_harden_parse(os.fsencode(text), out) != lib.MPK_OK:
            names = ", ".join(part.name.lower() for part in HardenPart if part.name)
            raise InvalidArgumentError(
                f"the policy is {text!r}; it may be none, basic, strict, full, or parts joined by commas "
                f"({names}), with ? behind what is optional"
            )
        return cls(HardenPart(out.parts), HardenPart(out.optional))

    @classmethod
    def of_level(cls, level: HardenLevel) -> HardenPolicy:
        """What a level demands."""
        require_type("level", level, HardenLevel)
        return cls.parse(level.name.lower())


@dataclass(frozen=True)
class HardenReport:
    """What mpk.harden did."""

    applied: HardenPart
    """In force, by this call or an earlier one; each was seen to have effect."""
    missing: HardenPart
    """Optional parts that could not be had."""
    reason: str
    """One line on what is missing or weaker than its name, and why; may be empty."""


def harden(policy: str | HardenLevel | HardenPolicy) -> HardenReport:
    """Applies a policy to this process and all its threads, for good.

    Call it after the imports, before foreign code runs. Everything is checked before
    anything is changed. Starts the runtime.

    Raises HardenError (the message names the part, why, and what to do),
    InvalidArgumentError for a text that is no policy. Source: mpk_harden.h, mpk_harden.
    """
    require_type("policy", policy, str, HardenLevel, HardenPolicy)
    if isinstance(policy, str):
        policy = HardenPolicy.parse(policy)
    elif isinstance(policy, HardenLevel):
        policy = HardenPolicy.of_level(policy)
    for name in ("domain", "gadgets", "keys", "runtime"):  # after landlock they could not be read any more
        import_module(f"mpk.{name}")
    asked: Any = ffi.new("struct mpk_harden_policy *")
    asked.parts = flags_of("parts", policy.parts, HardenPart)
    asked.optional = flags_of("optional", policy.optional, HardenPart)
    report: Any = ffi.new("struct mpk_harden_report *")
    code = lib.mpk_harden(asked, report)
    text = ffi.string(report.reason)
    reason = text.decode(_REASON_ENCODING, errors="replace") if isinstance(text, bytes) else text
    if code == lib.MPK_EINVALID:
        raise InvalidArgumentError(f"{policy} has optional parts that it does not ask for")
    if code != lib.MPK_OK:
        raise HardenError(reason or message_of(code))
    return HardenReport(HardenPart(report.applied), HardenPart(report.missing), reason)


def hardened() -> HardenPart:
    """The parts in force in this process."""
    return HardenPart(lib.mpk_hardened())


def prepared_environment(policy: str) -> dict[str, str]:
    """This process's environment, as a command needs it that will ask for the policy.

    Raises InvalidArgumentError for a text that is no policy.
    """
    parts = HardenPolicy.parse(policy).parts
    environment = {**os.environ, "GALEED_HARDEN": policy}
    if parts & HardenPart.RSEQ:
        tunables = [word for word in environment.get("GLIBC_TUNABLES", "").split(":") if word]
        if _RSEQ_OFF not in tunables:
            environment["GLIBC_TUNABLES"] = ":".join([*tunables, _RSEQ_OFF])
    return environment


def _raise_locked_memory() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (hard, hard))


def main(arguments: list[str] | None = None) -> int:
    """Runs a command in an environment that is ready for its hardening."""
    parser = argparse.ArgumentParser(
        prog="python -m mpk.hardening",
        description="Runs a command whose environment is prepared for mpk_harden (rseq, secretmem). "
        "The command itself applies the policy.",
    )
    parser.add_argument("--policy", default="full?", help="what the command will ask for (default: %(default)s)")
    parser.add_argument("command", nargs="+", metavar="COMMAND", help="program and arguments, behind --")
    options = parser.parse_args(arguments)
    program = shutil.which(options.command[0])
    if program is None:
        print(f"galeed: {options.command[0]}: no such program in PATH", file=sys.stderr)
        return 2
    try:
        environment = prepared_environment(options.policy)
        if HardenPolicy.parse(options.policy).parts & HardenPart.SECRETMEM:
            _raise_locked_memory()
        os.execve(program, options.command, environment)
    except InvalidArgumentError as error:
        print(f"galeed: {error}", file=sys.stderr)
    except OSError as error:
        print(f"galeed: {program}: {error.strerror}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
