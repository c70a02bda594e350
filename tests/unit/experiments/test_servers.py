"""The servers' book-keeping: how each is driven, and that a lost request or a failed server is no figure."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.model import LabError
from experiments.servers import experiment
from experiments.servers.recipes import CONNECTIONS, REQUESTS, SERVERS


def _script(path: Path, lines: str) -> Path:
    path.write_text(f"#!/bin/sh\n{lines}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_each_program_is_there_and_is_driven_at_its_ports() -> None:
    for server in SERVERS:
        assert (server.folder / "server" / "Cargo.toml").is_file()
        assert "4711" in server.drive(["4711"])


@pytest.mark.parametrize(
    ("serves", "answers", "why"),
    [
        ("echo 1; cat", str(CONNECTIONS * REQUESTS), None),
        ("echo 1; cat", "5", "5 requests answered, exit 0"),
        ("echo 1; cat", "", "0 requests answered"),
        ("echo 1; cat; exit 3", str(CONNECTIONS * REQUESTS), "exit 3"),
        ("exit 1", "", "did not start"),
    ],
)
def test_what_is_lost_is_no_figure(serves: str, answers: str, why: str | None, tmp_path: Path) -> None:
    server, load = _script(tmp_path / "server", serves), _script(tmp_path / "load", f"echo {answers}")
    if why is None:
        run = experiment._run(SERVERS[0], server, load, "mprotect")
        assert run.answered == CONNECTIONS * REQUESTS and run.wall_s > 0
        return
    with pytest.raises(LabError, match=why):
        experiment._run(SERVERS[0], server, load, "mprotect")
