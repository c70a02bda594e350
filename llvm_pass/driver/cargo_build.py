"""Runs cargo's build and keeps what it says: programs, build scripts.

Invariant: a program is what cargo reports as an executable for the target machine;
nothing is found by guessing at paths. rustc's diagnostics pass through us to stderr
unchanged: we only look for links that failed because nothing brings our runtime.
"""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llvm_pass.driver import inspect_objects
from llvm_pass.driver.cargo_arguments import TRIPLE, Arguments
from llvm_pass.driver.cargo_environment import Place

ALLOCATOR = "mpk_host_alloc"  # linked only when galeed::Heap is the global allocator
# What linkers say of our symbols when the program does not use crate galeed at all.
WITHOUT_RUNTIME = re.compile(r"undefined (?:symbol: |reference to [`'])(?:galeed_|mpk_gate_)")
ERASE_LINE = "\r\x1b[K"  # cargo's progress bar may stand there


@dataclass(frozen=True)
class Program:
    """An executable that cargo linked."""

    path: Path
    package: str  # cargo's id
    target: str
    kind: str
    source: str  # its main file
    allocator: bool | None  # None: stripped, cannot be told
    foreign: bool  # holds rewritten code


@dataclass(frozen=True)
class Script:
    """A build script's word on what to link."""

    package: str
    libraries: tuple[str, ...]
    paths: tuple[Path, ...]
    out_dir: Path


@dataclass
class Build:
    """What one build made."""

    status: int = 0
    programs: list[Program] = field(default_factory=list)
    scripts: list[Script] = field(default_factory=list)
    unlinked: list[str] = field(default_factory=list)  # main files of programs without our runtime


def build(cargo: str, arguments: Arguments, place: Place, environment: dict[str, str]) -> Build:
    """Builds (never runs) what the call is about."""
    testing = arguments.command in ("test", "bench")
    command = [cargo, arguments.command, "--no-run"] if testing else [cargo, "build"]
    command += ["--target", TRIPLE, "--target-dir", str(place.root)]
    command += ["--message-format", "json-diagnostic-rendered-ansi" if _coloured(arguments) else "json"]
    command += arguments.for_build()
    result = Build()
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        for line in process.stdout:
            _note(result, line, place)
    result.status = process.returncode
    return result


def _coloured(arguments: Arguments) -> bool:
    """Would cargo itself colour its diagnostics?"""
    wanted = arguments.last("--color") or os.environ.get("CARGO_TERM_COLOR") or "auto"
    return wanted == "always" or (wanted == "auto" and _on_terminal() and not os.environ.get("NO_COLOR"))


def _on_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


def _note(result: Build, line: bytes, place: Place) -> None:
    try:
        message: dict[str, Any] = json.loads(line)
    except ValueError:
        return  # a compiler wrapper of the user's that prints
    if message.get("reason") == "compiler-message":
        rendered = message["message"]["rendered"] or ""
        print(ERASE_LINE * _on_terminal() + rendered, end="", file=sys.stderr, flush=True)
        if message["message"]["level"] == "error" and WITHOUT_RUNTIME.search(rendered):
            result.unlinked.append(message["target"]["src_path"])
    elif message.get("reason") == "compiler-artifact" and message.get("executable"):
        path = Path(message["executable"])
        if path.is_relative_to(place.target):  # else it runs during the build
            target = message["target"]
            result.programs.append(
                Program(
                    path,
                    message["package_id"],
                    target["name"],
                    "test" if message["profile"]["test"] else target["kind"][0],
                    target["src_path"],
                    inspect_objects.defines(path, ALLOCATOR),
                    inspect_objects.rewritten(path.read_bytes(), str(path)) is True,
                )
            )
    elif message.get("reason") == "build-script-executed":
        paths = tuple(Path(each.partition("=")[2] if "=" in each else each) for each in message["linked_paths"])
        result.scripts.append(
            Script(message["package_id"], tuple(message["linked_libs"]), paths, Path(message["out_dir"]))
        )
