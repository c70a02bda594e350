"""llvm_pass/EXAMPLES.md, run as it is written: each command, in order, and what it prints."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from llvm_pass.driver.clang import find_clang
from tests.conftest import ROOT

PAGE = (ROOT / "llvm_pass" / "EXAMPLES.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def sessions() -> list[tuple[str, str]]:
    """(command, what it prints) of all console blocks."""
    found: list[tuple[str, str]] = []
    for language, text in BLOCK.findall(PAGE):
        if language == "console":
            for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                command, _, printed = part.partition("\n")
                found.append((command, printed))
    return found


def test_the_page_prints_what_it_says(tmp_path: Path) -> None:
    (source,) = (text for language, text in BLOCK.findall(PAGE) if language == "c")
    (tmp_path / "sum.c").write_text(source)
    clang = find_clang().command
    tools = {
        "galeed-opt": [sys.executable, "-m", "llvm_pass.cli"],
        "galeed-cc": [sys.executable, "-m", "llvm_pass.driver.cc", "c"],
        "clang-22": clang,
    }
    functions = "".join(f'{name}() {{ {shlex.join(words)} "$@"; }}\n' for name, words in tools.items())
    surroundings = {key: value for key, value in os.environ.items() if not key.startswith("GALEED_")}
    surroundings |= {"PYTHONPATH": str(ROOT), "LC_ALL": "C"}
    asked = sessions()
    assert len(asked) > 15
    for command, printed in asked:
        done = subprocess.run(
            ["/bin/bash", "-c", functions + command],
            cwd=tmp_path,
            env=surroundings,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        pattern = re.escape(printed).replace(re.escape("..."), ".*")
        assert re.fullmatch(pattern, done.stdout, re.DOTALL), f"$ {command}\n{done.stdout}\n--- expected\n{printed}"
