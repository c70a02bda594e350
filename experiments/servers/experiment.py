"""What isolation costs a Tokio and a Monoio server whose tasks call C: time of the load, time of the processor.

The load is in both cases the program without isolation, in a process of its own, on loopback. Runs of the two
builds alternate; the median is told. Times of an emulated CPU mean nothing and are not told.
"""

from __future__ import annotations

import os
import shlex
import statistics
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from experiments import machine
from experiments.model import Experiment, LabError, Report, chosen
from experiments.output import as_json, table, write_atomically
from experiments.servers.recipes import BYTES, CONNECTIONS, REQUESTS, SERVERS
from experiments.suites.trial import run_shell
from experiments.workshop import clean_environment, need_tools

if TYPE_CHECKING:
    from pathlib import Path

    from experiments.model import Json, Options
    from experiments.servers.recipes import Server

REPEATS = 5
_LIMIT_SECONDS = 600


@dataclass(frozen=True)
class Run:
    """wall: of the load. processor: user and system time of the server. answered: requests."""

    wall_s: float
    processor_s: float
    answered: int


def _build(server: Server, options: Options) -> dict[str, Path]:
    """The programs of both ways. Raises LabError when one does not build."""
    made = {}
    for way, words in (("plain", ["cargo"]), ("galeed", ["cargo", "galeed"])):
        target = options.output.resolve() / server.name / way
        command = [*words, "build", "--release", "--locked", "--package", "server"]
        if way == "plain":
            command.append("--no-default-features")
        if options.build:
            options.say(f"building {server.name} ({way})")
            log = options.output / f"{server.name}.{way}.log"
            log.parent.mkdir(parents=True, exist_ok=True)
            log.unlink(missing_ok=True)
            environment = clean_environment({"CARGO_TARGET_DIR": str(target)})
            code, _ = run_shell([shlex.join(command)], server.folder, environment, log)
            if code != 0:
                raise LabError(f"{server.name} ({way}) does not build: see {log}")
        found = [each for each in target.glob("**/release/server") if each.is_file()]
        if not found:
            raise LabError(f"{server.name} ({way}) is not built: run without --no-build")
        made[way] = found[0]
    return made


def _run(server: Server, program: Path, load: Path, backend: str) -> Run:
    """One server and one load. Raises LabError when requests are lost."""
    environment = clean_environment({"GALEED_BACKEND": backend})
    words = [str(program), *server.serve]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, env=environment, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        ports = process.stdout.readline().split()
        if not ports:
            raise LabError(f"{shlex.join(words)} did not start")
        began = time.monotonic()
        try:
            driven = subprocess.run(
                [str(load), *server.drive(ports)], stdout=pipe, text=True, check=False, timeout=_LIMIT_SECONDS
            )
        except subprocess.TimeoutExpired:
            process.kill()
            raise LabError(f"{server.name} on {backend}: the load did not end") from None
        wall = time.monotonic() - began
        process.stdin.close()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    answered = int(driven.stdout) if driven.stdout.strip().isdigit() else 0
    if answered != CONNECTIONS * REQUESTS or process.returncode != 0:
        raise LabError(f"{shlex.join(words)} on {backend}: {answered} requests answered, exit {process.returncode}")
    return Run(wall, usage.ru_utime + usage.ru_stime, answered)


def run(options: Options) -> Report:
    """Builds, serves, drives and compares."""
    need_tools()
    repeats = REPEATS if options.repeat is None else options.repeat
    backends = [each for each in options.backends if machine.usable(each, options.say)]
    rows = []
    items: list[Json] = []
    for server in chosen(SERVERS, options.only, "server"):
        programs = _build(server, options)
        for backend in backends:
            runs: dict[str, list[Run]] = {"plain": [], "galeed": []}
            for number in range(repeats):
                options.say(f"{server.name} on {backend}: run {number + 1} of {repeats}")
                for way, program in programs.items():
                    runs[way].append(_run(server, program, programs["plain"], backend))
            ratios = [_ratio(runs, "wall_s"), _ratio(runs, "processor_s")]
            told = ["" if machine.emulated() else f"{ratio:.1f}x" for ratio in ratios]
            rows.append((server.name, backend, str(runs["galeed"][0].answered), *told))
            items.append({"server": server.name, "backend": backend, "load": ratios[0], "processor": ratios[1]})
    result: dict[str, Json] = {"machine": machine.facts_for_times(options.say), "repeats": repeats, "servers": items}
    result["load"] = f"{CONNECTIONS} connections, {REQUESTS} requests each, {BYTES} bytes"
    file = options.output / "result.json"
    write_atomically(file, as_json(result))
    head = ("server", "backend", "answered", "time of the load", "processor's time of the server")
    return Report(result, table(head, rows), files=(file,))


def _ratio(runs: dict[str, list[Run]], what: str) -> float:
    def middle(way: str) -> float:
        return float(statistics.median(getattr(each, what) for each in runs[way]))

    return middle("galeed") / middle("plain")


EXPERIMENT = Experiment(
    name="servers",
    claim="Servers on Tokio and Monoio answer every request with Rust's heap isolated and their C rewritten",
    source="[Galeed]; crates tokio, monoio",
    expected="no request is lost; what it costs is told, never a failure, for times depend on the machine",
    run=run,
    takes=("only", "repeat"),
)
