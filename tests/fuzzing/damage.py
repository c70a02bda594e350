"""Inputs that no compiler makes, through galeed-opt: one line on stderr, status 2, in time.

Damage: bitcode that is cut, flipped, or stitched together; text with bytes that are no
UTF-8, NULs, cut lines; what nests deeply; what is long. LLVM may abort, overflow its
stack, or ask for all memory: it has a process of its own for that.

A damaged input may also still be a module: then status 0 is right.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from tests.fuzzing.oracle import canonical

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60.0
BYTES = 4 << 30
DEEP = 200_000


class Broken:
    """The trials, by number."""

    def __init__(self, corpus: list[Path], seed: int) -> None:
        self._paths, self._seed = corpus, seed

    @cached_property
    def _modules(self) -> list[tuple[bytes, bytes]]:
        """(text, bitcode)"""
        made = []
        for path in self._paths:
            data = path.read_bytes()
            module, text = canonical(data if data.startswith(b"BC") else data.decode())
            made.append((text.encode(), module.as_bitcode()))
        return made

    def source(self, number: int) -> bytes:
        """The damaged input."""
        if number < len(KNOWN):
            return list(KNOWN.values())[number]()
        draw = random.Random(f"{self._seed} {number}")
        text, bitcode = draw.choice(self._modules)
        data = bytearray(draw.choice((text, bitcode, bitcode)))
        for _ in range(draw.randint(1, 3)):
            draw.choice((_cut, _flip, _flip, _flip, _stitch, _repeat, _nul))(data, draw)
        return bytes(data)

    def trial(self, number: int) -> list[str]:
        """What galeed-opt did wrong."""
        return judged(self.source(number))


def judged(data: bytes) -> list[str]:
    """Runs galeed-opt over one input."""
    with tempfile.TemporaryDirectory(prefix="galeed-fuzz-") as folder:
        path, output = Path(folder) / "in", Path(folder) / "out.bc"
        path.write_bytes(data)
        words = [sys.executable, "-m", "llvm_pass.cli", str(path), "-o", str(output)]
        surroundings = {**os.environ, "PYTHONPATH": str(ROOT), "GALEED_POLICY": ""}
        try:
            done = subprocess.run(
                words, cwd=folder, env=surroundings, capture_output=True, timeout=SECONDS, check=False,
                preexec_fn=limit_memory,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return [f"no end within {SECONDS:.0f} s"]
        lines = done.stderr.decode(errors="replace").splitlines()
        wrong = []
        if done.returncode not in (0, 2):
            wrong.append(f"status {done.returncode}: {lines[-1:]}")
        if done.returncode == 2 and not (len(lines) == 1 and lines[0].startswith("galeed-opt: ")):
            wrong.append(f"{len(lines)} lines: {lines[:3]}")
        if (done.returncode == 0) != output.exists():
            wrong.append(f"status {done.returncode}, and the output is {'there' if output.exists() else 'missing'}")
        left = sorted(each.name for each in Path(folder).iterdir() if each not in (path, output))
        if left:
            wrong.append(f"left behind: {left}")
        return wrong


def limit_memory() -> None:
    """For the command and its children."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))


def _cut(data: bytearray, draw: random.Random) -> None:
    del data[draw.randrange(len(data) + 1) :]


def _flip(data: bytearray, draw: random.Random) -> None:
    for _ in range(draw.choice((1, 1, 4, 40))):
        if data:
            data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)


def _stitch(data: bytearray, draw: random.Random) -> None:
    """A piece goes somewhere else."""
    start = draw.randrange(len(data) + 1)
    piece, where = data[start : start + draw.randint(1, 400)], draw.randrange(len(data) + 1)
    data[where : where + draw.choice((0, len(piece)))] = piece


def _repeat(data: bytearray, draw: random.Random) -> None:
    start = draw.randrange(len(data) + 1)
    data[start:start] = data[start : start + draw.randint(1, 60)] * draw.choice((2, 50, 2000))


def _nul(data: bytearray, draw: random.Random) -> None:
    start = draw.randrange(len(data) + 1)
    data[start : start + draw.randint(1, 8)] = draw.choice((b"\0" * 4, b"\xff\xfe\x80", b"\xc3(", b"\r\n", b"\x1b[31m"))


def _nested(before: str, after: str, depth: int = DEEP) -> bytes:
    return (before * depth + after).encode()


def _function(body: str) -> bytes:
    return f"define void @f(ptr %p, i64 %n) {{\n{body}\n  ret void\n}}\n".encode()


KNOWN: dict[str, Callable[[], bytes]] = {
    "magic alone": lambda: b"BC\xc0\xde",
    "magic and ones": lambda: b"BC\xc0\xde" + b"\xff" * 4096,
    "wrapper without end": lambda: b"\xde\xc0\x17\x0b" + b"\0" * 16,
    "wrapper beyond the end": lambda: b"\xde\xc0\x17\x0b\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0",
    "zeros": lambda: b"\0" * 100_000,
    "UTF-16": lambda: b"\xff\xfe" + b"define void @f() { ret void }".decode().encode("utf-16-le"),
    "byte order mark": lambda: b"\xef\xbb\xbf" + _function(""),
    "braces": lambda: b"@g = global " + _nested("{", "i8"),
    "arrays": lambda: b"@g = global " + _nested("[1 x ", "i8"),
    "packed": lambda: b"%t = type " + _nested("<{ ", "i8"),
    "metadata": lambda: b"!0 = " + _nested("!{", "}"),
    "expressions": lambda: b"@g = global ptr " + _nested("getelementptr (i8, ptr ", "null"),
    "long assembly": lambda: _function(f'  call void asm "{"a" * 4_000_000}", ""()'),
    "long name": lambda: f"@{'n' * 4_000_000} = global i8 0".encode(),
    "many lines": lambda: _function("".join(f"  %v{number} = load i64, ptr %p\n" for number in range(100_000))),
    "large array": lambda: _function("  %v = load [4611686018427387904 x i64], ptr %p"),
    "large alloca": lambda: _function("  %v = alloca [9223372036854775807 x i8], i64 %n"),
    "wide integer": lambda: _function("  %v = load i99999999, ptr %p"),
    "long vector": lambda: _function("  %v = load <4294967295 x i8>, ptr %p\n  store <4294967295 x i8> %v, ptr %p"),
    "bytes that are no UTF-8": lambda: (
        b'define void @"\xff\xfe"(ptr %"\x80") {\n  store i8 1, ptr %"\x80"\n  ret void\n}\n'
    ),
    "newer IR": lambda: _function("  frobnicate i32 1") + b'!llvm.ident = !{!0}\n!0 = !{!"clang version 31.0.1"}\n',
    "types in a circle": lambda: b"%a = type { %b }\n%b = type { %a }\n" + _function("  %v = load %a, ptr %p"),
    "odd layout": lambda: (
        b'target triple = "x86_64-unknown-linux-gnu"\ntarget datalayout = "e-p:0:0-i64:7"\n' + _function("")
    ),
}
