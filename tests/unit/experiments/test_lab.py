"""galeed-lab: usage and environment errors are one clear line and exit 2; results are whole."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from experiments import cli, machine, workshop
from experiments.attacks import catalogue
from experiments.attacks import experiment as attacks
from experiments.model import LabError, Options
from experiments.output import as_json, table, write_atomically
from experiments.registry import EXPERIMENTS

if TYPE_CHECKING:
    from pathlib import Path


def complaint(capsys: pytest.CaptureFixture[str]) -> str:
    """What went to stderr: exactly one line, by name."""
    captured = capsys.readouterr()
    lines = captured.err.splitlines()
    assert captured.out == ""
    assert len(lines) == 1, captured.err
    assert lines[0].startswith("galeed-lab: ")
    return lines[0]


def test_list_names_every_experiment(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["experiments"]
    assert [one["name"] for one in listed] == [one.name for one in EXPERIMENTS]
    assert all(one["claim"] and one["source"] and one["expected"] for one in listed)
    assert cli.main(["list"]) == 0
    assert all(one.name in capsys.readouterr().out for one in EXPERIMENTS[:1])


@pytest.mark.parametrize(
    ("place", "reason"),
    [(">/dev/full", "cannot write the result: No space left"), (">&-", "standard output is closed")],
)
def test_list_without_a_place_for_it(place: str, reason: str) -> None:
    command = f"{shlex.quote(sys.executable)} -P -m experiments.cli list {place}"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(["sh", "-c", command], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(f"galeed-lab: {reason}")
    assert done.stderr.count("\n") == 1


def test_unknown_experiment(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "nothing"]) == 2
    assert "nothing" in complaint(capsys)


@pytest.mark.parametrize("words", [[], ["run"], ["run", "demo", "--backend", "sim"], ["dance"]])
def test_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert ended.value.code == 2
    assert "usage: galeed-lab" in capsys.readouterr().err


def test_pku_where_there_is_none(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(machine, "pku_available", lambda: False)
    assert cli.main(["run", "demo", "--backend", "pku"]) == 2
    assert "--backend" in complaint(capsys)
    monkeypatch.setenv("GALEED_BACKEND", "pku")
    assert cli.main(["run", "demo"]) == 2
    assert "GALEED_BACKEND" in complaint(capsys)


def test_unknown_backend_in_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GALEED_BACKEND", "sim")
    assert cli.main(["run", "demo"]) == 2
    assert "'sim'" in complaint(capsys)


def test_output_that_is_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "file"
    file.write_text("")
    assert cli.main(["run", "demo", "--output", str(file)]) == 2
    assert "not a folder" in complaint(capsys)
    assert cli.main(["run", "demo", "--output", str(file / "below")]) == 2
    assert str(file) in complaint(capsys)


@pytest.mark.parametrize(("missing", "advice"), [("cargo", "rustup.rs"), ("cc", "gcc")])
def test_missing_tools(
    missing: str,
    advice: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for tool in {"cargo", "cc"} - {missing}:
        (tmp_path / tool).symlink_to("/bin/true")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert cli.main(["run", "demo", "--output", str(tmp_path / "out")]) == 2
    said = complaint(capsys)
    assert f"no {missing} in PATH" in said
    assert advice in said


def test_not_built_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(workshop, "BUILDS", tmp_path / "builds")
    assert cli.main(["run", "demo", "--no-build", "--output", str(tmp_path / "out")]) == 2
    assert "--no-build" in complaint(capsys)


@pytest.mark.parametrize(
    ("says", "expected"),
    [
        ("error[E0433]: cannot find crate\nerror: could not compile", "E0433"),
        (
            "warning: spurious network error\nerror: failed to download from `https://x`",
            "is there a network?",
        ),
        ("nothing useful", "no error line"),
    ],
)
def test_failed_build_is_one_line_with_the_log(
    says: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "cc").symlink_to("/bin/true")
    cargo = tools / "cargo"
    cargo.write_text(f"#!{sys.executable}\nimport sys\nprint({says!r}, file=sys.stderr)\nsys.exit(101)\n")
    cargo.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(workshop, "clean_environment", lambda changes=None: {**os.environ, **(changes or {})})
    said: list[str] = []
    options = Options(tmp_path / "out", ("mprotect",), build=True, say=said.append)
    program = workshop.Program(tmp_path, "demo")
    with pytest.raises(LabError) as raised:
        workshop.build(program, "plain", options)
    message = str(raised.value)
    assert expected in message
    assert "\n" not in message
    log = tmp_path / "out" / "build-demo-plain.log"
    assert str(log) in message
    assert log.read_text().split() == says.split()
    assert any(says.splitlines()[0] in line for line in said)


def test_results_are_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "result.json"
    write_atomically(path, as_json({"a": 1}))
    write_atomically(path, as_json({"a": 2}))
    assert json.loads(path.read_text()) == {"a": 2}
    assert [one.name for one in path.parent.iterdir()] == ["result.json"]


def test_not_a_number_is_no_result() -> None:
    with pytest.raises(ValueError, match="JSON"):
        as_json({"a": float("nan")})


def test_table_columns_line_up() -> None:
    lines = table(("a", "long name"), [("value", "1"), ("v", "22")]).splitlines()
    assert lines == ["a      long name", "-----  ---------", "value  1", "v      22"]


def test_machine_facts_are_complete() -> None:
    facts = machine.facts()
    assert {"cpu", "cpus", "emulated", "pku", "kernel", "libc", "rustc", "cc", "python", "date"} <= set(facts)
    assert facts["cpus"]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["attacks", "--only", ""], "--only ''"),
        (["attacks", "--only", "A99"], "--only 'A99'"),
        (["attacks", "--only", "A1.nothing"], "--only 'A1.nothing'"),
        (["attacks", "--only", "A1."], "--only 'A1.'"),
        (["attacks", "--only", "D5", "--only", "A99"], "--only 'A99'"),
        (["attacks", "--only", "A99", "--only", "D5"], "--only 'A99'"),
        (["attacks", "--only", "D5,A99"], "--only 'A99'"),
        (["attacks", "--only", "D5,"], "--only ''"),
        (["attacks", "--only", "A5"], "nothing to run; not run on mprotect: A5."),
        (["attacks", "--policy", ""], "--policy ''"),
        (["attacks", "--policy", "code"], "--policy 'code'"),
        (["demo", "--only", ""], "demo does not take --only"),
        (["demo", "--policy", ""], "demo does not take --policy"),
        (["attacks", "--repeat", "2"], "attacks does not take --repeat"),
        (["libraries", "--repeat", "0"], "--repeat 0: at least 1"),
        (["libraries", "--only", "zlib,zlob"], "no library 'zlob'"),
    ],
)
def test_nothing_is_run_for_a_name_that_no_attack_has(
    words: list[str], named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["run", *words, "--backend", "mprotect", "--output", str(tmp_path)]) == 2
    assert named in complaint(capsys)


def test_each_choice_counts_and_each_verdict_is_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(attacks, "PROGRAMS", tmp_path / "programs")
    words = ["--only", "D5.in-place", "--only", "A5,D5.copied-in", "--policy", "undefended"]
    command = ["run", "attacks", *words, "--backend", "mprotect", "--output", str(tmp_path)]
    assert cli.main(command) == 0
    captured = capsys.readouterr()
    cells = json.loads((tmp_path / "result.json").read_text())["cells"]
    assert {cell["id"] for cell in cells} == {"D5.in-place", "D5.copied-in"}
    assert "not run on mprotect: A5." in captured.err
    assert f"{len(cells)} of {len(cells)} as expected; {len(cells) // 2} succeeded" in captured.out
    assert "harmless: it ran through and nothing came of it" in captured.out

    other = tuple(replace(row, verdicts=dict.fromkeys(row.verdicts, "harmless")) for row in catalogue.load())
    monkeypatch.setattr(catalogue, "load", lambda: other)
    assert cli.main([*command, "--no-build"]) == 1
    captured = capsys.readouterr()
    assert "LEAKED (!)" in captured.out
    assert f"{len(cells) // 2} of {len(cells)} as expected" in captured.out
    assert "not as stated: D5.in-place" in captured.err


def test_help_says_what_the_exit_code_means(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["run", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "1 something did not" in said
    assert "harmless: it ran through and nothing came of it" in said
