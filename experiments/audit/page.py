"""The evaluation as a page: audit/docs/EVALUATION.md. Every miss and every false alarm is named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from experiments.audit.judged import Known, Scores, Verdict

_IDS = frozenset(rule.id for rule in RULES)
_HEAD = """# Evaluation

Written by `make audit-eval`; what it says was measured, not estimated. Pairs of a buggy and a fixed half are audited as a user would,
with default options: projects of ours (`experiments/audit/projects`, written from the rules' titles and from advisories, before the
checks were read), and published crates at a version with a known bug and at the version that mends it
(`experiments/audit/published.toml`). Which finding hits a bug is fixed in those files. Every other finding was judged by hand
(`experiments/audit/judgements.toml`, a reason each); a finding that nobody has judged fails the run.

Rules were mended for what the first runs showed, in general and never for one crate; the projects' recall was 77 % (36 of 47, with
the rules that there were) before that. So these are no unseen data: they say what the rules do, and guard it.

- **Precision**: of the findings of medium or high confidence, on either half, each counted once: those that a competent reader calls
  true. What is true and was not the known bug counts as true.
- **Recall**: of the known bugs whose class a rule covers, those that a finding of that class names at its place.
"""


@dataclass(frozen=True)
class Share:
    part: int
    whole: int

    @property
    def percent(self) -> float:
        return 100.0 * self.part / self.whole if self.whole else 0.0

    def __str__(self) -> str:
        return f"{self.percent:.0f} % ({self.part} of {self.whole})" if self.whole else "-"


def is_rule(name: str) -> bool:
    return name in _IDS


def covered(known: Known) -> bool:
    """Is there a rule for it?"""
    return is_rule(known.bug.rule)


def precision(verdicts: Iterable[Verdict]) -> Share:
    judged = [each for each in verdicts if each.is_true is not None]
    return Share(sum(each.is_true is True for each in judged), len(judged))


def recall(known: Iterable[Known]) -> Share:
    ours = [each for each in known if covered(each)]
    return Share(sum(each.seen for each in ours), len(ours))


def built(scores: Scores) -> tuple[list[Verdict], list[Known]]:
    """Without the pairs that are judged by source alone: rules over IR have nothing to look at there."""
    verdicts = [each for each in scores.verdicts if not each.pair.source_only]
    return verdicts, [each for each in scores.known if not each.pair.source_only]


def groups(scores: Scores) -> list[tuple[str, list[Verdict], list[Known]]]:
    def of(is_ours: bool, built: bool | None = None) -> tuple[list[Verdict], list[Known]]:
        def fits(each: Verdict | Known) -> bool:
            pair = each.pair
            return pair.is_published is not is_ours and (built is None or bool(pair.source_only) is not built)

        return [each for each in scores.verdicts if fits(each)], [each for each in scores.known if fits(each)]

    return [
        ("projects of ours", *of(True)),
        ("published crates", *of(False, True)),
        ("**both**", *built(scores)),
        ("published crates that were not built, counted apart", *of(False, False)),
    ]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [
        "| " + " | ".join(head) + " |",
        "|" + "---|" * len(head),
        *("| " + " | ".join(row) + " |" for row in rows),
        "",
    ]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def render(
    scores: Scores,
    rivals: dict[str, tuple[Share, Share, int]],
    excuses: Sequence[tuple[str, str]],
    left_out: Sequence[str] = (),
) -> str:
    """rivals: name, recall, share of findings that hit, known bugs still reported after the fix. excuses: pair, why.
    left_out: pairs that this run did not take."""
    part = [f"**A part of the pairs**: not audited in this run were {', '.join(left_out)}.", ""] if left_out else []
    lines = [_HEAD, *part, "## In short", ""]
    lines += _table(
        ("", "precision", "recall", "recall with candidates", "false, severity high or above, on a fixed half"),
        (
            (
                name, str(precision(verdicts)), str(recall(known)), str(_with_candidates(known)),
                str(sum(each.is_false_high for each in verdicts)),
            )
            for name, verdicts, known in groups(scores)
        ),
    )  # fmt: skip
    lines += ["## By rule", "", "Known bugs are counted under their class, findings under the rule that made them.", ""]
    lines += _table(("rule", "precision", "recall", "recall with candidates"), _by_rule(scores))
    lines += ["## Beside a reviewer's grep", ""]
    lines += [
        "The same halves, known bugs and places; the grep is a pattern for each rule of source (`experiments/audit/rival.py`). Of each:",
        "how many of its findings on buggy halves are known bugs (no judgement is needed for that, so true findings that were",
        "not known count against both), and how many of the bugs' places it still reports once they are mended.",
        "",
    ]
    lines += _table(
        ("", "recall", "findings that are known bugs", "places still reported after the fix"),
        ((name, str(found), str(hits), str(still)) for name, (found, hits, still) in rivals.items()),
    )
    lines += ["## Misses", ""]
    lines += _table(
        ("pair", "class", "where", "what", "why it counts"),
        (
            (
                each.pair.name, each.bug.rule, f"{each.bug.file} {_cell(each.bug.function)}".strip(), _cell(each.bug.what),
                _standing(each),
            )
            for each in scores.known
            if not each.seen
        ),
    )  # fmt: skip
    false = [each for each in scores.verdicts if each.is_true is False]
    lines += ["## False alarms", ""]
    lines += _table(
        ("pair", "rule", "severity", "half", "where", "why it is false"),
        (
            (
                each.pair.name, each.finding.rule, each.finding.severity.name.lower(), " and ".join(each.halves), _cell(each.place),
                _cell(each.reason),
            )
            for each in false
        ),
    )  # fmt: skip
    lines += ["## Judged by source alone", "", "These could not be built; rules over IR had nothing to look at.", ""]
    lines += _table(("pair", "why"), ((name, _cell(why)) for name, why in excuses))
    lines += ["## Pairs", ""]
    lines += _table(("pair", "fixed in", "known from", "what"), _pairs(scores))
    return "\n".join(lines).rstrip() + "\n"


def _with_candidates(known: Iterable[Known]) -> Share:
    ours = [each for each in known if covered(each)]
    return Share(sum(each.seen_at_all for each in ours), len(ours))


def _by_rule(scores: Scores) -> Iterable[tuple[str, str, str, str]]:
    ids = sorted({each.finding.rule for each in scores.verdicts} | {each.bug.rule for each in scores.known})
    for rule in ids:
        known = [each for each in scores.known if each.bug.rule == rule]
        verdicts = [each for each in scores.verdicts if each.finding.rule == rule]
        if rule in _IDS:
            yield rule, str(precision(verdicts)), str(recall(known)), str(_with_candidates(known))
        else:
            yield rule, "no rule yet", f"{len(known)} known bugs, not counted", "-"


def _standing(known: Known) -> str:
    if not covered(known):
        return "not counted: no rule yet"
    source = ", source only" if known.pair.source_only else ""
    return ("a candidate says it" if known.seen_at_all else "missed") + source


def _pairs(scores: Scores) -> Iterable[tuple[str, str, str, str]]:
    seen = {each.pair.name: each.pair for each in scores.known}
    for pair in seen.values():
        yield (
            pair.name, (pair.fixed or "nothing yet") if pair.is_published else "-", pair.advisory or "ours", _cell(pair.about),
        )  # fmt: skip
