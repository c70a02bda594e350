"""What became of a crate's C: rewritten or not, served at a trap, refused.

Of three sources: what cargo galeed says of the build, GALEED_PROFILE's lines (accesses that the
runtime made for code that was not rewritten) and GALEED_REPORT's (violations).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from experiments.model import Json

_BUILD = re.compile(r"^galeed: C and C\+\+ in this build.*\n((?:  \S.*\n)*)", re.MULTILINE)
_REWRITTEN = re.compile(r"^  ([\w-]+) \S+: (\d+) rewritten", re.MULTILINE)


@dataclass(frozen=True)
class Lists:
    """files: rewritten, by package. build: cargo galeed's own lines. served, refused: how often, by what."""

    files: dict[str, int] = field(default_factory=dict)
    build: tuple[str, ...] = ()
    served: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)

    def as_object(self) -> dict[str, Json]:
        """For result.json."""
        return {
            "rewritten files": dict(self.files),
            "build": list(self.build),
            "served": dict(self.served),
            "refused": dict(self.refused),
        }

    def __str__(self) -> str:
        parts = {"build": self.build, "served at traps": _counted(self.served), "refused": _counted(self.refused)}
        return "".join(
            f"{name}:\n" + "".join(f"  {line}\n" for line in lines or ("none",)) for name, lines in parts.items()
        )


def _counted(counts: dict[str, int]) -> list[str]:
    return [f"{count} x {what}" for what, count in sorted(counts.items(), key=lambda item: -item[1])]


def _lines(path: Path) -> list[dict[str, object]]:
    """The JSON lines of a file that appears only when there is something to say."""
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def read(said: str, profile: Path, report: Path) -> Lists:
    """said: by cargo galeed. The files need not be there."""
    builds = _BUILD.findall(said)
    served: Counter[str] = Counter()
    for line in _lines(profile):
        if not line["trapped"]:  # rewritten code's own accesses to private objects are in the file too
            continue
        module = str(line["module"] or "unknown module").rsplit("/", 1)[-1]
        served[f"{line['access']} in {line['function'] or '?'} of {module}"] += int(str(line["count"]))
    refused = Counter(f"{line['violation']} {line['access']} in {line['function']}" for line in _lines(report))
    files: dict[str, int] = {name: int(count) for block in builds for name, count in _REWRITTEN.findall(block)}
    build = tuple(line.strip() for block in builds for line in block.splitlines())
    return Lists(files, build, dict(served), dict(refused))
