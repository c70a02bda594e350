"""The configuration: `galeed-audit.toml`, or `[tool.galeed.audit]` in pyproject.toml, of the working directory alone.

    fail-on = "high"
    confidence = "medium"
    rules = ["S*", "E07"]
    baseline = "audit-baseline.json"

    [[allow]]
    rules = ["S09"]
    paths = ["vendor/*"]
    reason = "upstream's, reported as issue 12"

Keys that nobody knows are errors, with their line: a misspelt suppression must not pass for one. Options of the command
line win. In a path's pattern a star stands for slashes as well.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit.errors import AuditError
from audit.model import Confidence, Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES = ("galeed-audit.toml", "pyproject.toml")
_SECTION = ("tool", "galeed", "audit")
_MOST_BYTES = 1 << 20
_CHOICES = {
    "fail-on": [each.name.lower() for each in Severity if each is not Severity.METRIC],
    "confidence": [each.name.lower() for each in Confidence],
}
_KEYS = ("fail-on", "confidence", "rules", "baseline", "allow")
_ALLOW_KEYS = ("rules", "paths", "reason")


@dataclass(frozen=True)
class Allowed:
    """Findings of these rules at these paths (both patterns) are suppressed, for this reason."""

    rules: tuple[str, ...]
    paths: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class Config:
    """None and () where nothing is said. baseline: seen from the working directory."""

    origin: str = ""
    fail_on: str | None = None
    confidence: str | None = None
    rules: tuple[str, ...] = ()
    baseline: Path | None = None
    allowed: tuple[Allowed, ...] = ()


def find(named: Path | None) -> Config:
    """The file that is named, else the first of NAMES here that says something. Raises AuditError."""
    if named is not None:
        return _of(named, demanded=True) or Config(str(named))
    for name in NAMES:
        path = Path(name)
        if path.is_file() and (found := _of(path, demanded=False)):
            return found
    return Config()


def _of(path: Path, demanded: bool) -> Config | None:
    try:
        with path.open("rb") as stream:
            data = stream.read(_MOST_BYTES + 1)
        text = data.decode("utf-8")
        given: Any = tomllib.loads(text)
    except OSError as error:
        raise AuditError(f"{path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        match = re.search(r"\(at line (\d+), column \d+\)", str(error))
        if path.name == NAMES[1] and not demanded:
            return None  # the business of those whose file it is
        raise AuditError(f"{path}:{match[1] if match else 1}: no TOML: {error}") from error
    if len(data) > _MOST_BYTES:
        raise AuditError(f"{path}: longer than {_MOST_BYTES} bytes")
    if path.name == NAMES[1]:
        for name in _SECTION:
            given = given.get(name) if isinstance(given, dict) else None
            if given is None:
                return None
    return _Reader(path, text).config(given)


class _Reader:
    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.text = text

    def wrong(self, word: str, what: str) -> AuditError:
        """The line is the first that has the word as a key, or in quotes."""
        pattern = rf"^\s*(?:\[+[^\]]*)?[\"']?{re.escape(word)}\b|[\"']{re.escape(word)}[\"']"
        rows = self.text.split("\n")
        line = next((at for at, row in enumerate(rows, 1) if re.search(pattern, row)), 1)
        return AuditError(f"{self.path}:{line}: {what}")

    def config(self, given: object) -> Config:
        if not isinstance(given, dict):
            raise self.wrong("audit", "must be a table")
        self.known(given, _KEYS)
        for name, choices in _CHOICES.items():
            if name in given and given[name] not in choices:
                raise self.wrong(name, f"'{name}' must be one of: {', '.join(choices)}")
        baseline = given.get("baseline")
        if baseline is not None and not isinstance(baseline, str):
            raise self.wrong("baseline", "'baseline' must be a file's name")
        rows = given.get("allow", [])
        if not isinstance(rows, list):
            raise self.wrong("allow", "'allow' is written [[allow]], once for each")
        return Config(
            str(self.path),
            given.get("fail-on"),
            given.get("confidence"),
            self.names(given, "rules") if "rules" in given else (),
            None if baseline is None else self.path.parent / baseline,
            tuple(self.allowed(row) for row in rows),
        )

    def allowed(self, row: object) -> Allowed:
        if not isinstance(row, dict):
            raise self.wrong("allow", "'allow' is written [[allow]], once for each")
        self.known(row, _ALLOW_KEYS)
        reason = row.get("reason")
        if not isinstance(reason, str) or not reason.strip():
            raise self.wrong("reason" if reason is not None else "allow", "[[allow]] without a reason; add reason = \"why\"")  # fmt: skip
        if "rules" not in row:
            raise self.wrong("allow", "[[allow]] names no rules; add rules = [\"S07\"]")  # fmt: skip
        return Allowed(self.names(row, "rules"), self.names(row, "paths") if "paths" in row else ("*",), reason.strip())

    def names(self, given: Mapping[str, Any], key: str) -> tuple[str, ...]:
        value = given[key]
        if not isinstance(value, list) or not value or not all(isinstance(each, str) for each in value):
            raise self.wrong(key, f"'{key}' must be a list of words in quotes")
        return tuple(value)

    def known(self, given: Mapping[str, Any], keys: tuple[str, ...]) -> None:
        for name in given:
            if name not in keys:
                raise self.wrong(name, f"unknown key '{name}'; there are: {', '.join(keys)}")
