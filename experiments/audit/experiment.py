"""galeed-audit's precision and recall on pairs of a buggy and a fixed half.

`galeed-lab run audit` fetches the published crates once, audits all halves and writes the page; `--only` names pairs,
`--no-build` takes the reports that are there.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from experiments.audit import halves, judged, page, rival
from experiments.audit.judged import Scores
from experiments.audit.pairs import HALVES, pairs
from experiments.model import Experiment, Report, chosen
from experiments.output import as_json, table, write_atomically

if TYPE_CHECKING:
    from audit.model import Finding
    from experiments.audit.halves import Audited
    from experiments.audit.pairs import Pair
    from experiments.model import Json, Options

LEAST_PRECISION_PERCENT = 80.0
LEAST_RECALL_PERCENT = 60.0


def _halves(pair: Pair) -> tuple[str, ...]:
    return HALVES if pair.fixed is not None else HALVES[:1]


def _compared(pair: Pair, audited: dict[str, Audited], found: dict[str, list[Finding]], totals: dict[str, int]) -> None:
    """Adds what one tool said of a pair: known bugs hit, findings that hit one, findings, places still reported."""
    buggy = audited["buggy"].folder
    for bug in pair.bugs:
        if not page.is_rule(bug.rule):
            continue
        totals["bugs"] += 1
        totals["seen"] += any(bug.is_hit_by(each, buggy) for each in found["buggy"])
        if "fixed" in found:
            totals["still"] += any(bug.is_hit_by(each, audited["fixed"].folder) for each in found["fixed"])
    totals["findings"] += len(found["buggy"])
    totals["hits"] += sum(any(bug.is_hit_by(each, buggy) for bug in pair.bugs) for each in found["buggy"])


def run(options: Options) -> Report:
    """Audits, scores and writes. Raises LabError where a crate cannot be had or a half gives no report."""
    selected, known = chosen(pairs(), options.only, "pair"), judged.judgements()
    for pair in selected:
        for half in _halves(pair):
            options.say(f"fetching {pair.name}, {half}")
            halves.fetched(pair, half)
    scores, excuses = Scores(), []
    totals = {
        name: dict.fromkeys(("bugs", "seen", "still", "findings", "hits"), 0) for name in ("galeed-audit", "grep")
    }
    for number, pair in enumerate(selected, 1):
        options.say(f"auditing {pair.name}, {number} of {len(selected)}")
        audited = {half: halves.audited(pair, half, options.build) for half in _halves(pair)}
        judged.score(pair, audited, known, scores)
        unbuilt = [half for half in audited if not audited[half].built]
        if unbuilt:
            excuses.append((pair.name, pair.source_only or f"the {' and the '.join(unbuilt)} half does not build"))
        _compared(
            pair, audited, {half: halves.shown(each.findings) for half, each in audited.items()}, totals["galeed-audit"]
        )
        _compared(pair, audited, {half: rival.findings(each.folder) for half, each in audited.items()}, totals["grep"])
    rivals = {
        name: (page.Share(it["seen"], it["bugs"]), page.Share(it["hits"], it["findings"]), it["still"])
        for name, it in totals.items()
    }
    left_out = [each.name for each in pairs() if each not in selected]
    text = page.render(scores, rivals, excuses, left_out)
    file, result = options.output / "EVALUATION.md", options.output / "result.json"
    write_atomically(file, text)
    found = _result(scores)
    write_atomically(result, as_json(found))
    is_whole = options.only is None
    return Report(found, _summary(scores), tuple(deviations(scores, excuses, is_whole)), files=(file, result))


def _result(scores: Scores) -> dict[str, Json]:
    verdicts: list[Json] = [
        {
            "pair": each.pair.name, "rule": each.finding.rule, "severity": each.finding.severity.name.lower(),
            "message": each.finding.message, "place": each.place, "fingerprint": each.finding.fingerprint[: judged.DIGITS],
            "halves": list(each.halves), "true": each.is_true, "reason": each.reason,
        }
        for each in scores.verdicts
    ]  # fmt: skip
    known: list[Json] = [
        {
            "pair": each.pair.name, "class": each.bug.rule, "what": each.bug.what, "seen": each.seen,
            "seen as a candidate": each.seen_at_all, "by": list(each.by),
        }
        for each in scores.known
    ]  # fmt: skip
    return {"findings": verdicts, "known": known}


def _summary(scores: Scores) -> str:
    rows = [(name, str(page.precision(found)), str(page.recall(known))) for name, found, known in page.groups(scores)]
    return table(("", "precision", "recall"), rows)


def deviations(scores: Scores, excuses: list[tuple[str, str]], is_whole: bool) -> list[str]:
    said = []
    for each in scores.verdicts:
        if each.is_true is None:
            finding = each.finding
            said.append(
                f"not judged: {json.dumps(each.pair.name)} {finding.fingerprint[: judged.DIGITS]} {finding.rule} "
                f"{'+'.join(each.halves)} {each.place}: {finding.message}"
            )
        if each.is_false_high:
            said.append(f"false, and severe, on a fixed half: {each.pair.name} {each.finding.rule} {each.place}")
    excused = {each.pair.name for each in scores.known if each.pair.source_only}
    said += [f"{name}: {why}" for name, why in excuses if name not in excused]
    precision, recall = page.precision(scores.verdicts), page.recall(page.built(scores)[1])
    if is_whole and precision.percent < LEAST_PRECISION_PERCENT:
        said.append(f"precision is {precision}, not {LEAST_PRECISION_PERCENT:.0f} %")
    if is_whole and recall.percent < LEAST_RECALL_PERCENT:
        said.append(f"recall is {recall}, not {LEAST_RECALL_PERCENT:.0f} %")
    return said


EXPERIMENT = Experiment(
    name="audit",
    claim="galeed-audit finds most known bugs of its classes, and most of what it says is true",
    source="RustSec advisories; FFIChecker; projects of ours in the manner of its test cases",
    expected=f"precision {LEAST_PRECISION_PERCENT:.0f} % at default confidence, recall {LEAST_RECALL_PERCENT:.0f} %, "
    "nothing false of severity high or above on a fixed half, every finding judged",
    run=run,
    takes=("only",),
)
