"""Every attack of the catalogue, under every policy, on both backends, as root and as nobody.

Expected verdicts are the tables in tests/attacks/expected; what differs fails. The
programs are compiled once; each run is a process of its own (harness.h).
"""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from experiments.attacks import catalogue, programs
from experiments.attacks.catalogue import POLICIES, SUCCEEDS, SUITE, USERS, Row
from tests import compiled
from tests.conftest import BACKENDS, ROOT, require_backend

ROWS = catalogue.load()


@pytest.fixture(scope="session")
def folder() -> Path:
    """The compiled programs."""
    words = [*programs.FLAGS, compiled.version(programs.compiler())]
    inputs = [compiled.CSRC, catalogue.SUITE, Path(programs.__file__)]
    return compiled.kept("attacks", inputs, words, programs.build)


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("attacked", BACKENDS)
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_verdict(folder: Path, row: Row, attacked: str, policy: str, user: str) -> None:
    if attacked in row.absent:
        assert (attacked, user, policy) not in row.verdicts
        return  # in words, which test_tables checks
    require_backend(attacked)
    if os.geteuid() != 0 and user == "root":
        pytest.skip("not root: only what anybody may do is tested")
    done = programs.run(folder, row, policy, attacked, user)
    wanted = row.verdicts[attacked, user, policy]
    assert row.expects(done.verdict, attacked, user, policy), f"{done.verdict!r}, not {wanted!r}: {done.evidence}"


ONLY_CODE = [
    row
    for row in ROWS
    if row.verdicts.get(("pku", "root", "strict")) in ("stopped mpk_harden code", "stopped SIGILL code=2")
]
STRICT_WITHOUT_CODE = "basic,seal,landlock,syscalls"


@pytest.mark.parametrize("attacked", ["pku"])
@pytest.mark.parametrize("row", ONLY_CODE, ids=lambda row: row.name)
def test_the_scanner_alone_stops_it(folder: Path, row: Row, attacked: str) -> None:
    """Part code needs no other part; without it all the others of strict change nothing."""
    require_backend(attacked)
    user = USERS[os.geteuid() != 0]
    alone = programs.run(folder, row, "code", attacked, user)
    assert row.expects(alone.verdict, attacked, user, "strict"), alone
    without = programs.run(folder, row, STRICT_WITHOUT_CODE, attacked, user)
    assert row.expects(without.verdict, attacked, user, "gates"), without


def test_only_the_scanner_stops_hidden_instructions() -> None:
    """All of A5 is asked above, and succeeds without part code."""
    wanted = {row.name for row in ROWS if row.name.startswith("A5.") and not row.control}
    assert wanted <= {row.name for row in ONLY_CODE if row.verdicts["pku", "root", "gates"] == "leaked"}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_tables(row: Row) -> None:
    """Undefended it succeeds, unless it is a control; what still succeeds at the top has its reason."""
    undefended = {of[:2]: verdict for of, verdict in row.verdicts.items() if of[2] == "undefended"}
    top = [verdict for (_, _, policy), verdict in row.verdicts.items() if policy == "full"]
    assert undefended
    for of, verdict in undefended.items():
        assert (verdict in SUCCEEDS) != (row.control or of in row.failing), of
    succeeds = any(verdict in SUCCEEDS for verdict in top)
    assert row.why or not succeeds
    assert succeeds or not row.why or row.lacking
    assert all(len(words.split()) > 3 for words in (*row.absent.values(), *row.failing.values()))


def test_every_program_is_in_the_tables(folder: Path) -> None:
    """Both ways: what a program lists, and which of it are controls."""
    listed = set()
    for source in sorted((catalogue.SUITE / "programs").glob("*.c")):
        row = source.stem.partition("_")[0].upper()
        shown = subprocess.run([folder / source.stem, "--list"], capture_output=True, text=True, check=True).stdout
        for line in shown.splitlines():
            variant, _, control = line.partition(" ")
            listed.add((f"{row}.{variant}", control == "control"))
    assert listed == {(row.name, row.control) for row in ROWS}


def expected_tables() -> dict[str, dict[str, Any]]:
    """What must come out, as the files say it: on a machine that lacks nothing."""
    files = sorted((SUITE / "expected").glob("*.toml"))
    return {name: table for file in files for name, table in tomllib.loads(file.read_text(encoding="utf-8")).items()}


def test_readme_counts_what_succeeds() -> None:
    """The last two columns of README's table of levels: for root."""
    tables = expected_tables()
    columns, given = [], []
    for backend in BACKENDS:
        rows = [table[backend] for table in tables.values() if isinstance(table[backend], dict)]
        counts = dict.fromkeys(POLICIES, 0)
        for verdicts in rows:
            verdict = ""
            for policy in POLICIES:
                verdict = verdicts.get(policy, verdict)
                counts[policy] += verdict in SUCCEEDS
        columns.append(counts)
        given.append(f"`{backend}`, of {len(rows)}")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for policy in POLICIES:
        found = re.findall(rf"(?m)^\| `?{policy}`? \|.*\| (\d+) \| (\d+) \|$", readme)
        assert found == [tuple(str(counts[policy]) for counts in columns)], policy
    assert all(f"| {words} |" in readme for words in given), given
    programs = len(list((SUITE / "programs").glob("*.c")))
    assert f"{programs} programs in {len(tables)} variants" in " ".join(readme.split())


def at_the_top(table: dict[str, Any], backend: str) -> str:
    """Who succeeds there at the top level, in the threat model's words."""
    who = []
    for user in USERS:
        words = table[backend] | (table.get(f"{backend}-nobody", {}) if user == "nobody" else {})
        given = [words[policy] for policy in POLICIES if policy in words]
        who += [user] if given[-1] in SUCCEEDS else []
    for condition, verdict in table.get("lacking", {}).items():
        if isinstance(verdict, dict) and verdict.get(backend, {}).get("full") in SUCCEEDS and not who:
            return f"without {condition}"
    return "everyone" if len(who) == len(USERS) else ", ".join(who) or "-"


def test_the_threat_model_lists_what_still_succeeds() -> None:
    """Each row with its reason, word for word, and no other; and where, and as whom."""
    text = (ROOT / "THREAT_MODEL.md").read_text(encoding="utf-8").partition("## Attacks that still succeed")[2]
    listed = re.findall(r"(?m)^\| ([A-D]\d+\.[\w-]+) \| (.+) \| (.+) \| (.+) \| (.+) \|$", text)
    tables = expected_tables()
    assert listed == [
        (row.name, row.title, *(at_the_top(tables[row.name], backend) for backend in BACKENDS), row.why)
        for row in ROWS
        if row.why
    ]
