"""The attack suite's page: every cell is there, text is text, what differs and what was not run is said."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from experiments.attacks.page import page

HOSTILE = "</pre><script>alert(1)</script>"


class Reader(HTMLParser):
    """Collects tags with their classes, and all text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, str]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs).get("class") or ""))

    def handle_data(self, data: str) -> None:
        self.text += data


def cell(policy: str, verdict: str, *, as_expected: bool = True) -> dict[str, Any]:
    return {
        "id": "A1.stray",
        "title": "what",
        "backend": "mprotect",
        "user": "root",
        "policy": policy,
        "verdict": verdict,
        "expected": "leaked",
        "as_expected": as_expected,
        "succeeds": verdict == "leaked",
        "evidence": {"stderr": HOSTILE},
    }


def shown(cells: list[dict[str, Any]]) -> Reader:
    reader = Reader()
    row = {"id": "A1.stray", "title": "what", "control": False, "why": "because"}
    result = {
        "machine": {"cpu": HOSTILE},
        "policies": ["undefended", "full"],
        "users": ["root"],
        "backends": {"pku": "unavailable here", "mprotect": "run"},
        "rows": [row, {**row, "id": "A1.libc"}],
        "cells": cells,
        "absent": [{"id": "A1.libc", "backend": "mprotect", "why": "no PKRU"}],
        "remaining": [row],
    }
    reader.feed(page(result))
    return reader


def test_every_cell_and_what_is_not_there() -> None:
    reader = shown([cell("undefended", "leaked"), cell("full", "stopped SIGILL", as_expected=False)])
    classes = [kind for tag, kind in reader.tags if tag == "td" and kind]
    assert classes == ["succeeds", "stopped differs", "absent"]
    for words in ("undefended 1, full 0", "DIFFERS: expected leaked", "pku: unavailable here", "not here: no PKRU"):
        assert words in reader.text
    assert "because" in reader.text


def test_evidence_is_text() -> None:
    reader = shown([cell("undefended", "leaked"), cell("full", "trouble: " + HOSTILE)])
    assert "script" not in {tag for tag, _ in reader.tags}
    assert reader.text.count(HOSTILE) == 4  # two cells' evidence, one verdict, the machine
