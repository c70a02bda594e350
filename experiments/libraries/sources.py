"""Fetches the libraries' sources by cargo: exactly the crates that sources/Cargo.lock names, by SHA-256."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from experiments.model import LabError
from experiments.workshop import OFFLINE, clean_environment

PINS = Path(__file__).resolve().parent / "sources"


def crate_folders() -> dict[str, Path]:
    """The unpacked crates by name, downloaded if they were not. Raises LabError."""
    command = ["cargo", "metadata", "--format-version=1", "--locked"]
    try:
        done = subprocess.run(
            command, cwd=PINS, env=clean_environment(), capture_output=True, text=True, check=False, timeout=600
        )
    except FileNotFoundError:
        raise LabError("no cargo in PATH; install Rust from https://rustup.rs and try again") from None
    except subprocess.TimeoutExpired:
        raise LabError("cargo does not fetch the libraries' sources within 600 s: is there a network?") from None
    if done.returncode != 0:
        if OFFLINE.search(done.stderr):
            raise LabError("cargo could not fetch the libraries' sources: is there a network?")
        lines = [line for line in done.stderr.splitlines() if line.startswith("error")] or ["no message"]
        raise LabError(f"the libraries' sources cannot be had: {lines[0]}")
    packages = json.loads(done.stdout)["packages"]
    return {one["name"]: Path(one["manifest_path"]).parent for one in packages if one["source"] is not None}
