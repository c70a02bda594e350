"""The rules' pages: ``python -m audit.pages FOLDER`` writes them, a test holds them fresh."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from audit.rules import RULES

if TYPE_CHECKING:
    from audit.model import Rule


def page(rule: Rule) -> str:
    """Markdown: title, what the rule is, and its own text."""
    cwe = f"[CWE-{rule.cwe}](https://cwe.mitre.org/data/definitions/{rule.cwe}.html)" if rule.cwe else "none"
    head = f"severity {rule.severity.name.lower()}, confidence {rule.confidence.name.lower()}, {cwe}"
    return f"# {rule.id}: {rule.title}\n\n{head}\n\n{rule.page}"


def index() -> str:
    """The list of all."""
    rows = [
        f"| [{rule.id}]({rule.id}.md) | {rule.title} | {rule.severity.name.lower()} | {rule.confidence.name.lower()} |"
        for rule in RULES
    ]
    return "\n".join(["# Rules", "", "| id | rule | severity | confidence |", "|---|---|---|---|", *rows, ""])


def pages() -> dict[str, str]:
    """File name: content."""
    return {"README.md": index(), **{f"{rule.id}.md": page(rule) for rule in RULES}}


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: python -m audit.pages FOLDER", file=sys.stderr)
        return 2
    folder = Path(sys.argv[1])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in pages().items():
            (folder / name).write_text(content, encoding="utf-8")
    except OSError as error:
        print(f"audit.pages: cannot write {folder}: {error.strerror}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
