"""Which galeed-audit this is: what was found by another one is not what this one would find.

Invariant: two that may judge differently differ here: by a line of their own source, by the version of a parser, by the compilers.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PARSERS = ("llvmlite", "pyelftools", "tree-sitter", "tree-sitter-rust", "iced-x86", "ziglang")
_OURS = ("audit", "llvm_pass", "mpk")
_KINDS = (".py", ".so", ".json", ".toml", ".h", ".ll", ".in", ".txt", ".tsv")


@cache
def own(with_rustc: bool = True) -> str:
    """64 hexadecimal digits. with_rustc: and of the rustc that cargo would take in the working directory."""
    marks = hashlib.sha256(f"{sys.version}\n{_rustc() if with_rustc else ''}\n".encode())
    for name in _PARSERS:
        try:
            marks.update(f"{name} {version(name)}\n".encode())
        except PackageNotFoundError:
            continue
    root = Path(__file__).parents[1]
    for package in _OURS:
        for path in sorted((root / package).rglob("*")):
            if path.suffix in _KINDS and path.is_file():
                marks.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes() + b"\0")
    return marks.hexdigest()


def _rustc() -> str:
    try:
        done = subprocess.run([os.environ.get("RUSTC") or "rustc", "-vV"], capture_output=True, text=True)
    except OSError as error:
        return f"no rustc: {error.strerror}"
    return done.stdout
