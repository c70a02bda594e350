"""The matrix as one HTML page that needs nothing else: colour and words, evidence at each cell.

Light and dark follow the reader's system. On a narrow screen each row becomes a card,
with the level before each verdict.
"""

from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --paper: #fff; --head: #f1f4f7; --line: #d0d7de;
  --succeeds: #ffd2cb; --stopped: #d9f4df; --harmless: #e8ecf0; --trouble: #fff0b8; --differs: #8250df; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9aa5b1; --paper: #0d1117; --head: #1c232c;
  --line: #343c46; --succeeds: #7a2620; --stopped: #143d26; --harmless: #252c35; --trouble: #5c4708; --differs: #b18cff; } }
* { box-sizing: border-box; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 1.5rem auto; max-width: 84rem; padding: 0 1rem; color: var(--ink);
  background: var(--paper); }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
p { max-width: 48rem; } nav a { display: inline-block; margin: 0 1rem .3rem 0; } a { color: inherit; }
table { border-collapse: separate; border-spacing: 0; width: 100%; font-size: 13px; border: 1px solid var(--line); }
th, td { border: 0 solid var(--line); border-width: 0 1px 1px 0; padding: .25rem .5rem; text-align: left;
  vertical-align: top; overflow-wrap: anywhere; font-weight: normal; }
th { background: var(--head); } thead th { font-weight: 600; position: sticky; top: 0; z-index: 1; }
.matrix { table-layout: fixed; } .matrix th:first-child { width: 24%; }
.succeeds { background: var(--succeeds); } .stopped { background: var(--stopped); }
.harmless { background: var(--harmless); } .trouble { background: var(--trouble); }
tr > :last-child { border-right: 0; } tbody tr:last-child > * { border-bottom: 0; }
.absent, small { color: var(--soft); } .absent { font-style: italic; } small { display: block; font-size: 12px; }
.differs { outline: 3px solid var(--differs); outline-offset: -3px; }
summary { cursor: pointer; list-style: none; } summary::-webkit-details-marker { display: none; }
summary:hover { text-decoration: underline dotted; }
pre { white-space: pre-wrap; font-size: 11px; margin: .3rem 0 0; }
.key { padding: 0 .4rem; border-radius: 3px; }
@media (max-width: 40rem) {
  body { margin-top: 0; padding: 0 .6rem; }
  .cards thead { display: none; } .cards, .cards tbody, .cards tr, .cards td, .cards th:first-child { display: block;
    width: 100%; }
  .cards { border: 0; } .cards tr { border: 1px solid var(--line); margin-bottom: .6rem; }
  .cards th, .cards td { border-width: 0 0 1px; } .cards tr > :last-child { border: 0; }
  .matrix td { display: flex; gap: .5rem; flex-wrap: wrap; } .matrix td > details { flex: 1; }
  .matrix td[data-policy]::before { content: attr(data-policy); flex: 0 0 5.5rem; color: var(--soft); }
}
"""
KINDS = {"leaked": "succeeds", "changed": "succeeds", "harmless": "harmless"}
LEGEND = (
    '<span class="key succeeds"><b>leaked</b></span> <span class="key succeeds"><b>changed</b></span> the attack '
    "succeeded: bytes of a random secret came out, or were replaced. "
    '<span class="key stopped"><b>stopped</b></span> by what is named. '
    '<span class="key harmless"><b>harmless</b></span> it ran through and nothing came of it. '
    '<span class="key trouble"><b>trouble</b></span> nothing was tested. '
    '<span class="key differs">DIFFERS</span> in a violet frame: not what the tables expect. '
    "Click a cell for its evidence."
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
        f'<td class="{classes}" data-policy="{html.escape(str(cell["policy"]))}"><details><summary>'
        f"<b>{html.escape(word)}</b> {html.escape(rest)}</summary><pre>{evidence}</pre></details>{differs}</td>"
    )


def _heading(result: Mapping[str, Any], backend: str, user: str) -> str:
    counts = [
        f"{policy} {sum(one['succeeds'] for one in result['cells'] if _is_of(one, backend, user, policy))}"
        for policy in result["policies"]
    ]
    return f'<h2 id="{backend}-{user}">{backend}, as {user}</h2><p>Attacks that succeed: {", ".join(counts)}.</p>'


def _is_of(cell: Mapping[str, Any], *of: str) -> bool:
    return (cell["backend"], cell["user"], cell["policy"])[: len(of)] == of


def _line(row: Mapping[str, Any], cells: str) -> str:
    control = " (control)" if row["control"] is True else ""
    return (
        f"<tr><th><b>{html.escape(row['id'])}</b>{control}<small>{html.escape(row['title'])}</small></th>{cells}</tr>"
    )


def _matrix(result: Mapping[str, Any], backend: str, user: str) -> str:
    policies: Sequence[str] = result["policies"]
    cells = {(one["id"], one["policy"]): one for one in result["cells"] if _is_of(one, backend, user)}
    absent = {one["id"]: one["why"] for one in result["absent"] if one["backend"] == backend}
    lines = []
    for row in result["rows"]:
        if row["id"] in absent:
            words = f'<td class="absent" colspan="{len(policies)}">not here: {html.escape(absent[row["id"]])}</td>'
        else:
            words = "".join(_cell(cells[row["id"], policy]) for policy in policies)
        lines.append(_line(row, words))
    columns = "".join(f"<th>{html.escape(policy)}</th>" for policy in policies)
    return (
        f'{_heading(result, backend, user)}<table class="cards matrix"><thead><tr><th>attack</th>{columns}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table>"
    )


def _remaining(result: Mapping[str, Any]) -> str:
    lines = "".join(
        f"<tr><th><b>{html.escape(one['id'])}</b></th><td>{html.escape(one['title'])}</td>"
        f"<td>{html.escape(one['why'])}</td></tr>"
        for one in result["remaining"]
    )
    if not lines:
        return ""
    head = "<thead><tr><th>attack</th><th>what</th><th>why</th></tr></thead>"
    title = '<h2 id="remaining">What still succeeds at the top level, on one backend at least</h2>'
    return f'{title}<table class="cards">{head}<tbody>{lines}</tbody></table>'


def page(result: Mapping[str, Any]) -> str:
    """The whole page. result: what result.json holds."""
    facts = "".join(
        f"<tr><th>{html.escape(name)}</th><td>{html.escape(str(value))}</td></tr>"
        for name, value in result["machine"].items()
    )
    run = [(backend, user) for backend, told in result["backends"].items() if told == "run" for user in result["users"]]
    links = "".join(f'<a href="#{backend}-{user}">{backend}, as {user}</a>' for backend, user in run)
    if result["remaining"]:
        links += '<a href="#remaining">what still succeeds</a>'
    missing = "".join(
        f"<p><b>{html.escape(backend)}</b>: {html.escape(told)}.</p>"
        for backend, told in result["backends"].items()
        if told != "run"
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>galeed: attacks</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body><h1>Attacks on a domain, and what stops them</h1><p>{LEGEND}</p>"
        f"<nav>{links}</nav>{missing}{''.join(_matrix(result, backend, user) for backend, user in run)}"
        f"{_remaining(result)}<h2>The machine</h2><table><tbody>{facts}</tbody></table></body></html>\n"
    )
