"""Brings the crates of crates.txt into cargo's registry cache: `python -m experiments.audit_corpus.fetch LIST`.

Each through a project of its own that depends on it alone: two crates that link the same library cannot be in one project.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from audit.corpus.units import units
from audit.errors import AuditError

_PROJECT = '[package]\nname = "fetch"\nversion = "0.1.0"\nedition = "2021"\n[workspace]\n[dependencies]\n'
_TARGET = "x86_64-unknown-linux-gnu"


def fetch(name: str, version: str) -> str:
    """What is wrong, a line; "" when the crate is there."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "src").mkdir()
        (root / "src" / "lib.rs").touch()
        (root / "Cargo.toml").write_text(f'{_PROJECT}{name} = "={version.split("+")[0]}"\n', encoding="utf-8")
        command = ["cargo", "fetch", "--quiet", "--target", _TARGET]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, errors="replace")
    said = [line for line in done.stderr.splitlines() if line.strip()]
    return "" if done.returncode == 0 else f"{name}=={version}: {said[0] if said else 'cargo fetch fails'}"


def main() -> int:
    """Exit code: 0 all are there, 1 some are not (a line each on stderr), 2 no such list."""
    parser = argparse.ArgumentParser(prog="python -m experiments.audit_corpus.fetch")
    parser.add_argument("list", metavar="LIST", help="NAME==VERSION a line")
    try:
        crates = [each.word.split("==") for each in units([parser.parse_args().list])]
    except AuditError as error:
        print(error, file=sys.stderr)
        return 2
    wrong = [line for line in (fetch(name, version) for name, version in crates) if line]
    for line in wrong:
        print(line, file=sys.stderr)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
