"""Makes rustc write down how a crate declares foreign functions, whether anybody calls them or not.

Invariant: rustc lowers only declarations that are used; so a small crate takes the address of each that it can
name. What it cannot name (private, configured out) is left out, and is judged only where it is called.
"""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_ROUNDS = 4
PREFIX = "audit_probe_"  # of the names of what is made for this


def probe(library: Path, crate: str, names: Iterable[str], modules: Iterable[str], flags: Sequence[str]) -> Path | None:
    """Bitcode with the declarations. library: the crate's rlib, its dependencies beside it. modules: public ones, maybe."""
    lines = [f"use {crate}::*;", *(f"use {crate}::{each}::*;" for each in sorted(set(modules)))]
    lines += [f"    {each} as *const ()," for each in sorted(set(names))]
    source, output = library.with_name(f"{PREFIX}{crate}.rs"), library.with_name(f"{PREFIX}{crate}.bc")
    for _ in range(_ROUNDS):
        uses = [each for each in lines if each.startswith("use ")]
        taken = [each for each in lines if not each.startswith("use ")]
        if not taken:
            break
        head = ["#![allow(warnings)]", f"extern crate {crate};"]
        text = [*head, *uses, "pub fn probe() -> Vec<*const ()> { vec![", *taken, "] }", ""]
        source.write_text("\n".join(text), encoding="utf-8")
        command = [
            os.environ.get("RUSTC") or "rustc", str(source), "--crate-type=lib", "--edition=2021", "--emit=llvm-bc",
            "-o", str(output), "--error-format=json", "--extern", f"{crate}={library}", "-L", f"dependency={library.parent}",
            *(each for each in flags if not each.startswith("--emit")),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL)
        if done.returncode == 0:
            return output
        wrong = _wrong_lines(done.stderr)
        kept = [line for number, line in enumerate(text, 1) if number not in wrong]
        if len(kept) == len(text):  # it is wrong elsewhere
            break
        lines = [line for line in kept if line.startswith(("use ", "    "))]
    output.unlink(missing_ok=True)
    return None


def _wrong_lines(said: bytes) -> set[int]:
    """The lines that rustc's errors point to."""
    found: set[int] = set()
    for line in said.splitlines():
        try:
            message = json.loads(line)
        except ValueError:
            continue
        if isinstance(message, dict) and message.get("level") == "error":
            found.update(span["line_start"] for span in message.get("spans", ()))
    return found
