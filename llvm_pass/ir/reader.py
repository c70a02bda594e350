"""Reading, verifying and writing modules by LLVM, in a child process.

Invariant: whatever LLVM does with the input (refuse, abort, hang up), the
caller gets a typed error with a reason, never a dead process.
"""

from __future__ import annotations

import json
import re
import select
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from llvm_pass.errors import UnreadableModule
from llvm_pass.ir.bitcode import is_bitcode, producer

# Far more than LLVM takes for any of its tasks: what is over it hangs.
_SECONDS, _BYTES_A_SECOND = 300.0, 20_000
_LINK_BROKE = "cannot be linked: "  # worker.py's word
_TEXT_PRODUCER = re.compile(rb'!"[^"]*?(?:clang|rustc|LLVM|ldc|flang)[^"]*? version (\d+[\w.]*)')


class LlvmRefused(Exception):
    """LLVM's own words about a module that does not parse or verify."""


class LlvmDied(LlvmRefused):
    """LLVM aborted on the module."""


class LinkBroke(LlvmRefused):
    """A module could be linked in part only."""


class Llvm:
    """One LLVM in a child process, holding one module at a time. A context manager."""

    def __init__(self) -> None:
        # Closed in close(); the child's last words are the only trace of an abort.
        self._words = tempfile.TemporaryFile()  # noqa: SIM115
        self._size = 0  # bytes of the largest module that it has read
        self._child = subprocess.Popen(
            # Without -S a tenth of a small file's time is spent on `site`; -P: types.py here is not Python's.
            [sys.executable, "-S", "-P", str(Path(__file__).with_name("worker.py")), *filter(None, sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._words,
        )
        try:
            self.version = str(self._receive()[0]["version"])
        except LlvmDied as error:
            self.close()
            raise UnreadableModule(f"LLVM does not start: {error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the child."""
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue
        self._child.wait()
        self._words.close()

    def read(self, data: bytes, kind: str) -> None:
        """Makes data ("bitcode" or "text") the module. Raises LlvmRefused when it does not parse or verify."""
        self._ask({"do": "read", "kind": kind}, data)

    def link(self, data: bytes, kind: str) -> None:
        """Adds another module to the one that is read. Raises LlvmRefused with that as it was: both define one name, or the
        other is damaged; and LinkBroke when it may hold half of the other."""
        try:
            self._ask({"do": "link", "kind": kind}, data)
        except LlvmDied:
            raise
        except LlvmRefused as error:
            if str(error).startswith(_LINK_BROKE):
                raise LinkBroke(str(error)) from error
            raise

    def declared(self) -> frozenset[str]:
        """The names of the functions that it declares and does not define."""
        return frozenset(self._ask({"do": "declared"}).decode().split("\n"))

    def text(self) -> str:
        """The module in canonical form."""
        return self._ask({"do": "text"}).decode()

    def close_loops(self) -> None:
        """Brings loops into the form that loop-simplify and lcssa give them."""
        self._ask({"do": "close loops"})

    def inline(self) -> None:
        """Inlines the functions that are marked alwaysinline."""
        self._ask({"do": "inline"})

    def infer(self) -> None:
        """Adds the attributes that LLVM infers of functions and their parameters (function-attrs)."""
        self._ask({"do": "infer"})

    def promote(self) -> None:
        """Turns variables on the stack into values (sroa)."""
        self._ask({"do": "promote"})

    def simplify(self) -> None:
        """Optimises as -O1 does."""
        self._ask({"do": "simplify"})

    def bitcode(self) -> bytes:
        """The module as bitcode."""
        return self._ask({"do": "bitcode"})

    def _ask(self, request: dict[str, Any], data: bytes = b"") -> bytes:
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(json.dumps({**request, "bytes": len(data)}).encode() + b"\n" + data)
            self._child.stdin.flush()
        except BrokenPipeError:
            raise LlvmDied(self._last_words()) from None
        self._size = max(self._size, len(data))
        self._await(_SECONDS + self._size / _BYTES_A_SECOND)
        fields, payload = self._receive()
        if not fields["ok"]:
            raise LlvmRefused(_one_line(payload.decode("utf-8", "replace")))
        return payload

    def _await(self, seconds: float) -> None:
        """An answer comes as a whole, or LLVM hangs and is ended. Raises LlvmDied."""
        assert self._child.stdout is not None
        poll = select.poll()
        poll.register(self._child.stdout, select.POLLIN)
        if not poll.poll(seconds * 1000):
            self._child.kill()
            raise LlvmDied(f"LLVM gave no answer within {seconds:.0f} s")

    def _receive(self) -> tuple[dict[str, Any], bytes]:
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line:
            raise LlvmDied(self._last_words())
        fields: dict[str, Any] = json.loads(line)
        return fields, self._child.stdout.read(fields["bytes"])

    def _last_words(self) -> str:
        code = self._child.wait()
        self._words.seek(0)
        words = [line for line in self._words.read().decode("utf-8", "replace").splitlines() if line.strip()]
        telling = next((line for line in words if "Assertion" in line), words[-1] if words else "")
        fatal = next((line for line in words if "LLVM ERROR" in line), "")
        if fatal:  # what it found wrong comes first
            telling = fatal if fatal == words[0] else f"{words[0].strip()}; {fatal}"
        return f"LLVM ended with {'signal ' + str(-code) if code < 0 else 'code ' + str(code)}: {telling.strip()[:300]}"


def _one_line(message: str) -> str:
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return "; ".join(lines[:3])[:400]


def read_module(llvm: Llvm, data: bytes) -> str:
    """Canonical text of a module, given as bitcode or text. Raises UnreadableModule."""
    kind = "bitcode" if is_bitcode(data) else "text"
    if kind == "text" and (b"\0" in data or not data.strip()):
        raise UnreadableModule(
            "this is no LLVM module: neither bitcode (no magic) nor text" if data.strip() else "the input is empty"
        )
    try:
        llvm.read(data, kind)
        return llvm.text()
    except LlvmRefused as error:
        raise UnreadableModule(_why(data, kind, llvm.version, str(error))) from error


def _why(data: bytes, kind: str, ours: str, error: str) -> str:
    written_by = producer(data) if kind == "bitcode" else None
    if kind == "text":
        match = _TEXT_PRODUCER.search(data)
        written_by = f"LLVM/clang {match.group(1).decode()}" if match else None
    theirs = written_by or "an LLVM that it does not name"
    hint = ""
    number = re.search(r"(\d+)", written_by or "")
    if number and number.group(1) != ours.split(".", maxsplit=1)[0]:
        hint = "; use a compiler of the same LLVM major version"
    return f"cannot read this {kind}: written by {theirs}, read by LLVM {ours}{hint} ({error})"
