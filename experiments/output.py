"""Results on disk and on the terminal.

Invariant: a result file is complete or absent; it is written beside its final
name, flushed to disk and renamed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from audit.files import write_whole
from experiments.model import LabError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from experiments.model import Json


def write_atomically(path: Path, text: str) -> None:
    """Replaces the file at once. Raises LabError when the place cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text)
    except OSError as error:
        raise LabError(f"cannot write {path}: {error.strerror}") from error


def as_json(value: Mapping[str, Json]) -> str:
    """The one form in which results are printed and stored."""
    return json.dumps(value, indent=2, allow_nan=False) + "\n"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns aligned by their longest cell, two blanks between."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    rule = ["-" * width for width in widths]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (head, rule, *rows)
    )
    return "\n".join(lines)
