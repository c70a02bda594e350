"""What the GitHub Action and the pre-commit hook run."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from audit import cli

_ROOT = Path(__file__).parents[3]
_SCRIPT = _ROOT / "audit" / "action.sh"
_BAD = _ROOT / "tests" / "audit" / "S05" / "bad.rs"


def _run(tmp_path: Path, paths: str, **more: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "AUDIT_PATHS": paths, "AUDIT_SARIF": "out.sarif", **more}
    env["PATH"] = f"{Path(sys.executable).parent}:{env['PATH']}"
    env["PYTHONPATH"] = str(_ROOT)
    return subprocess.run(["bash", _SCRIPT], env=env, cwd=tmp_path, capture_output=True, text=True)


def test_it_reports_and_fails(tmp_path: Path) -> None:
    done = _run(tmp_path, f"{_BAD}\n")
    assert done.returncode == 1 and done.stdout.count("::error ") == 2, done.stderr
    assert len(json.loads((tmp_path / "out.sarif").read_text(encoding="utf-8"))["runs"][0]["results"]) == 2
    assert _run(tmp_path, str(_BAD), AUDIT_FAIL_ON="critical").returncode == 0


def test_it_takes_a_baseline(tmp_path: Path) -> None:
    assert cli.main(["-q", str(_BAD), "--write-baseline", str(tmp_path / "known.json"), "-o", os.devnull]) == 0
    done = _run(tmp_path, str(_BAD), AUDIT_BASELINE="known.json")
    assert done.returncode == 0 and "::error" not in done.stdout


def test_words_are_not_run(tmp_path: Path) -> None:
    done = _run(tmp_path, "$(touch planted)\n--help\n; touch planted")
    assert done.returncode == 2 and not (tmp_path / "planted").exists()


def test_the_action_keeps_inputs_out_of_its_scripts() -> None:
    text = (_ROOT / "action.yml").read_text(encoding="utf-8")
    assert not any("${{" in line for line in text.splitlines() if line.strip().startswith("run:"))
    for name in re.findall(r"\$\{\{ inputs\.([\w-]+) \}\}", text):
        assert f"\n  {name}:\n" in text


def test_the_hook_runs_as_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (_ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
    words = shlex.split(next(line for line in text.splitlines() if "entry:" in line).partition("entry:")[2])
    (tmp_path / "bad.rs").write_text(_BAD.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert words[0] == "galeed-audit" and cli.main(words[1:]) == 1
