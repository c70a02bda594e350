"""What can go wrong, as types. Each message is one line that a user can act on."""

from __future__ import annotations


class GaleedError(Exception):
    """A refusal with its reason; the commands print it and exit with 2."""


class UsageError(GaleedError):
    """The request itself makes no sense: an unknown pass, a missing file."""


class UnreadableModule(GaleedError):
    """The input is no LLVM module, or one that our LLVM cannot read."""


class AlreadyRewritten(GaleedError):
    """The module carries the mark of an earlier rewrite: checks would be doubled, gates would nest."""


class PassFailed(GaleedError):
    """A pass met what it cannot handle, or its result does not verify."""

    def __init__(self, pass_name: str, reason: str, function: str | None = None, line: int | None = None) -> None:
        self.pass_name, self.reason, self.function, self.line = pass_name, reason, function, line
        where = f" in function '{function}'" if function else ""
        where += f" (line {line} of the module's text)" if line else ""
        super().__init__(f"pass '{pass_name}' failed{where}: {reason}")
