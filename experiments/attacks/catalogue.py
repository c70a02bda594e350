"""What must come out: the tables in tests/attacks/expected, one a letter of the catalogue.

Each table is one variant, named ROW.VARIANT as the program tests/attacks/programs/row_*.c
lists it:

    ["A1.stray"]
    title = "what the attack does"
    pku = { undefended = "leaked", full = "stopped SIGILL code=2" }
    mprotect = "why it makes no sense there"
    why = "why it still succeeds at the top level"

A verdict holds from the policy that it is given for up to the next one that has its
own. A backend with words instead of verdicts is not run there. `pku-nobody` and
`mprotect-nobody` hold what differs for a user without privileges. `control` is true
where the attack must fail by itself, undefended too; or it gives the reason for each
of these tables where only there it must: control = { mprotect = "rights are ..." }.
`lacking` holds by condition (conditions.py) what comes out where that does not hold:
lacking = { "Linux 6.13" = "stopped madvise EINVAL" } instead of every success, or
lacking = { "locked memory".pku = { full = "leaked" } } there from that policy on. A
verdict may be several, with | between them: a fact about the machine.

Invariant: what is loaded is whole; `control` exactly where the undefended run fails;
`why` exactly where the top level does not stop the attack.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from experiments.attacks.conditions import holds
from experiments.machine import BACKENDS
from experiments.model import LabError
from experiments.workshop import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SUITE = ROOT / "tests" / "attacks"
POLICIES = ("undefended", "gates", "basic", "strict", "full")
USERS = ("root", "nobody")
SUCCEEDS = ("leaked", "changed")
_FIELDS = {"title", "control", "lacking", "why", *BACKENDS, *(f"{backend}-nobody" for backend in BACKENDS)}


@dataclass(frozen=True)
class Row:
    """One variant of one row. name: A1.stray. verdicts: by (backend, user, policy).

    absent: the words for a backend that it is not run on. failing: why it must fail by
    itself, by (backend, user), where it is not a control everywhere. lacking: some
    verdicts depend on the machine.
    """

    name: str
    title: str
    control: bool
    why: str
    absent: Mapping[str, str]
    failing: Mapping[tuple[str, str], str]
    lacking: bool
    verdicts: Mapping[tuple[str, str, str], str]

    def expects(self, verdict: str, backend: str, user: str, policy: str) -> bool:
        """Whether that verdict is one that may come out there."""
        return verdict in self.verdicts[backend, user, policy].split("|")

    @property
    def variant(self) -> str:
        return self.name.partition(".")[2]

    @property
    def program(self) -> Path:
        """The source file: the one whose name begins with the row."""
        found = sorted((SUITE / "programs").glob(f"{self.name.partition('.')[0].lower()}_*.c"))
        if len(found) != 1:
            raise LabError(f"{self.name}: {len(found)} programs in {SUITE / 'programs'}, not one")
        return found[0]


def _carried(name: str, given: Mapping[str, str], before: Mapping[str, str]) -> dict[str, str]:
    """A verdict for every policy: as given, else that of the policy before (else as in before)."""
    result: dict[str, str] = {}
    for policy in POLICIES:
        if policy in given:
            result[policy] = given[policy]
        elif before and not (set(given) & set(POLICIES[: POLICIES.index(policy)])):
            result[policy] = before[policy]
        elif result:
            result[policy] = result[POLICIES[POLICIES.index(policy) - 1]]
        else:
            raise LabError(f"{name}: no verdict for {policy}")
    if unknown := set(given) - set(POLICIES):
        raise LabError(f"{name}: no policies {', '.join(sorted(unknown))}")
    return result


def _failing(name: str, given: Mapping[str, str]) -> dict[tuple[str, str], str]:
    """The reasons by (backend, user); a backend's own holds for both users."""
    result: dict[tuple[str, str], str] = {}
    for table, words in given.items():
        backend, _, user = table.partition("-")
        if backend not in BACKENDS or user not in ("", "nobody"):
            raise LabError(f"{name}: control says something about {table}, which is no table")
        result |= {(backend, one): words for one in USERS if user in ("", one)}
    return result


def _without(verdicts: Mapping[tuple[str, str, str], str], user: str, verdict: str) -> dict[tuple[str, str, str], str]:
    """What changes where a condition does not hold: what would have succeeded, or all when nothing can be tested."""
    untested = verdict.startswith("trouble")
    return {of: verdict for of, given in verdicts.items() if of[1] == user and (untested or given in SUCCEEDS)}


def _row(name: str, fields: Mapping[str, Any]) -> Row:
    if unknown := set(fields) - _FIELDS:
        raise LabError(f"{name}: no fields {', '.join(sorted(unknown))}")
    absent: dict[str, str] = {}
    verdicts: dict[tuple[str, str, str], str] = {}
    for backend in BACKENDS:
        given = fields.get(backend)
        if not given:
            raise LabError(f"{name}: nothing is said about {backend}")
        if isinstance(given, str):
            absent[backend] = given
            continue
        root = _carried(name, given, {})
        nobody = _carried(name, fields.get(f"{backend}-nobody", {}), root)
        for user, by_policy in zip(USERS, (root, nobody), strict=True):
            verdicts |= {(backend, user, policy): verdict for policy, verdict in by_policy.items()}
    control = fields.get("control", False)
    failing = {} if isinstance(control, bool) else _failing(name, control)
    for condition, verdict in fields.get("lacking", {}).items():
        for user in USERS:
            if holds(condition, user):
                continue
            if isinstance(verdict, str):
                failing |= {(backend, user): f"this machine has no {condition}" for backend in BACKENDS}
                verdicts |= _without(verdicts, user, verdict)
                continue
            for backend, given in verdict.items():
                of = {policy: verdicts[backend, user, policy] for policy in POLICIES}
                verdicts |= {(backend, user, policy): text for policy, text in _carried(name, given, of).items()}
                if of["undefended"] in SUCCEEDS and verdicts[backend, user, "undefended"] not in SUCCEEDS:
                    failing[backend, user] = f"this machine has no {condition}"
    why, lacking = fields.get("why", ""), "lacking" in fields
    return Row(name, fields["title"], control is True, why, absent, failing, lacking, verdicts)


def load() -> tuple[Row, ...]:
    """Every row, in the order of the tables. Raises LabError when a table is wrong."""

    def rows() -> Iterator[Row]:
        for file in sorted((SUITE / "expected").glob("*.toml")):
            try:
                tables = tomllib.loads(file.read_text(encoding="utf-8"))
                for name, fields in tables.items():
                    yield _row(name, fields)
            except (tomllib.TOMLDecodeError, KeyError) as error:
                raise LabError(f"{file}: {error}") from error

    return tuple(rows())
