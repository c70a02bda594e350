"""The matrix as one HTML page that needs nothing else: colour and words, evidence at each cell."""

from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 80rem; padding: 0 1rem; color: #1b1f24; }
table { border-collapse: collapse; margin: 1rem 0 2rem; width: 100%; }
th, td { border: 1px solid #d0d7de; padding: .3rem .5rem; text-align: left; vertical-align: top; }
th { background: #f6f8fa; position: sticky; top: 0; }
td.succeeds { background: #ffd8d3; } td.stopped { background: #d7f5dd; } td.harmless { background: #eef1f4; }
td.trouble { background: #fff3c4; } td.absent { color: #57606a; font-style: italic; }
td.differs { outline: 3px solid #8250df; outline-offset: -3px; }
td small { display: block; color: #57606a; } summary { cursor: pointer; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: 12px; max-width: 30rem; }
"""
KINDS = {"leaked": "succeeds", "changed": "succeeds", "harmless": "harmless"}
LEGEND = (
    "<b>leaked</b>, <b>changed</b>: the attack succeeded (bytes of a random secret came out, or were replaced). "
    "<b>stopped</b>: by what is named. <b>harmless</b>: it ran through and nothing came of it. "
    "A violet frame and the word DIFFERS: not what the tables expect. Open a cell for its evidence."
)


def _kind(verdict: str) -> str:
    return KINDS.get(verdict, "stopped" if verdict.startswith("stopped") else "trouble")


def _cell(cell: Mapping[str, Any]) -> str:
    verdict = str(cell["verdict"])
    word, _, rest = verdict.partition(" ")
    differs = "" if cell["as_expected"] else f"<small>DIFFERS: expected {html.escape(str(cell['expected']))}</small>"
    evidence = html.escape(json.dumps(cell["evidence"], indent=1))
    classes = _kind(verdict) + ("" if cell["as_expected"] else " differs")
    return (
        f'<td class="{classes}" title="{html.escape(verdict)}"><details><summary><b>{html.escape(word)}</b> '
        f"{html.escape(rest)}</summary><pre>{evidence}</pre></details>{differs}</td>"
    )


def _matrix(result: Mapping[str, Any], backend: str, user: str) -> str:
    policies = result["policies"]
    cells = {
        (one["id"], one["policy"]): one for one in result["cells"] if (one["backend"], one["user"]) == (backend, user)
    }
    if not cells:
        return ""
    titles = {one["id"]: one["title"] for one in result["cells"]}
    absent = {one["id"]: one["why"] for one in result["absent"] if one["backend"] == backend}
    lines = []
    for name in dict.fromkeys([*titles, *absent]):
        head = f"<th>{html.escape(name)}<br><small>{html.escape(titles.get(name, ''))}</small></th>"
        if name in absent:
            lines.append(
                f'<tr>{head}<td class="absent" colspan="{len(policies)}">not here: {html.escape(absent[name])}</td></tr>'
            )
        else:
            lines.append(f"<tr>{head}{''.join(_cell(cells[name, policy]) for policy in policies)}</tr>")
    columns = "".join(f"<th>{policy}</th>" for policy in policies)
    return f"<h2>{backend}, as {user}</h2><table><tr><th>attack</th>{columns}</tr>{''.join(lines)}</table>"


def page(result: Mapping[str, Any]) -> str:
    """The whole page. result: what result.json holds."""
    facts = "".join(
        f"<tr><th>{html.escape(name)}</th><td>{html.escape(str(value))}</td></tr>"
        for name, value in result["machine"].items()
    )
    remaining = "".join(
        f"<tr><th>{html.escape(one['id'])}</th><td>{html.escape(one['title'])}</td><td>{html.escape(one['why'])}</td></tr>"
        for one in result["remaining"]
    )
    matrices = "".join(_matrix(result, backend, user) for backend in ("pku", "mprotect") for user in ("root", "nobody"))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>galeed: attacks</title>'
        f"<style>{STYLE}</style></head><body><h1>Attacks on a domain, and what stops them</h1><p>{LEGEND}</p>{matrices}"
        "<h2>What still succeeds at the top level</h2><table><tr><th>attack</th><th>what</th><th>why</th></tr>"
        f"{remaining}</table><h2>The machine</h2><table>{facts}</table></body></html>\n"
    )
