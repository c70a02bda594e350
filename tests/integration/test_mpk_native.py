"""The C runtime's core (all but the heap), one small program and one process a case.

The programs lie in tests/native/core. What a program can judge by itself it
checks and exits 0; what must end a process (misuse, violations, faults that
belong to others) is judged here: exit code, text, JSON.
"""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests import compiled
from tests.compiled import FLAVOURS, NATIVE
from tests.conftest import ROOT, Outcome, Run
from tests.integration.conftest import Program

ABORTED = -signal.SIGABRT
SEGFAULT = -signal.SIGSEGV


@pytest.fixture(scope="session", params=FLAVOURS)
def programs(request: pytest.FixtureRequest) -> Path:
    """The folder of the compiled programs: as shipped, and under clang's UBSan in trap mode."""
    return compiled.programs("core", FLAVOURS[request.param]())


HOLDS = (
    *("rights", "gates", "gates no-files", "unwind", "domains", "forks", "forkstart"),
    *(f"signals {how}" for how in ("host", "early", "callback", "c")),
    *(f"threads {how}" for how in ("older", "older-than-start", "hammer", "wait-host", "wait-foreign", "exit")),
)


@pytest.mark.parametrize("words", HOLDS)
def test_holds(backend: str, program: Program, words: str) -> None:
    outcome = program(*words.split())
    assert outcome.code == 0, outcome


def test_rights_with_foreign_read(backend: str, program: Program) -> None:
    outcome = program("gates", env={"GALEED_FOREIGN_RIGHTS": "read"})
    assert outcome.code == 0, outcome
    outcome = program("violation", "read", env={"GALEED_FOREIGN_RIGHTS": "read"})
    assert outcome.code == 0, outcome
    assert "read 42" in outcome.stdout, outcome
    outcome = program("violation", "write", env={"GALEED_FOREIGN_RIGHTS": "read"})
    assert outcome.code == ABORTED, outcome
    assert "boundary violation" in outcome.stderr, outcome


def test_a_closed_domain_denies_by_hardware(backend: str, program: Program) -> None:
    outcome = program("rights")
    expected = "si_code 4 key 2" if backend == "pku" else "si_code 2 key -1"
    assert outcome.stdout.count(expected) == 3, outcome


MISUSE = {
    "exit-without-gate": "inside no gate",
    "deep": "nested too deeply",
    "wrong-token": "the innermost frame is the gate with token",
    "enter-in-foreign": "mpk_gate_enter was called in foreign code",
    "open-in-foreign": "foreign code tried to change its rights",
    "create-in-foreign": "foreign code called mpk_domain_create",
    "private-in-foreign": "foreign code called mpk_domain_private",
    "share-in-foreign": "foreign code tried to change what it may reach",
    "try-in-foreign": "foreign code called mpk_try",
    "callback-exit-in-foreign": "mpk_callback_exit",
    "exit-inside-callback": "the innermost frame is the callback",
    "no-such-policy": "there is no such policy",
}


@pytest.mark.parametrize("what", MISUSE)
def test_misuse_is_fatal_in_one_line(backend: str, program: Program, what: str) -> None:
    outcome = program("misuse", what)
    assert outcome.code == ABORTED, outcome
    assert outcome.stderr.startswith("galeed: fatal: "), outcome
    assert outcome.stderr.count("\n") == 1, outcome
    assert MISUSE[what] in outcome.stderr, outcome


def test_an_end_without_its_begin_opens_nothing(backend: str, program: Program) -> None:
    outcome = program("misuse", "end-in-foreign")  # on mprotect it would wait for itself
    fatal = (ABORTED, "", "galeed: fatal: foreign code called what only the host may call\n")
    expected = (0, "survived\n", "") if backend == "pku" else fatal
    assert (outcome.code, outcome.stdout, outcome.stderr) == expected, outcome


def violate(program: Program, tmp_path: Path, what: str, policy: str | None = None) -> tuple[Outcome, dict[str, Any]]:
    """Runs `violation what`; its outcome and the one JSON line that it wrote."""
    report = tmp_path / "report.jsonl"
    env = {"GALEED_REPORT": str(report), "GALEED_ON_VIOLATION": policy}
    outcome = program("violation", what, env=env)
    (line,) = report.read_text().splitlines()
    told = json.loads(line)
    jsonschema.Draft202012Validator(json.loads((ROOT / "mpk" / "report.schema.json").read_text())).validate(told)
    return outcome, told


@pytest.mark.parametrize(("what", "access"), [("write", "write"), ("read", "read"), ("past-end", "write")])
def test_boundary_violation_is_told_whole(
    backend: str, program: Program, tmp_path: Path, what: str, access: str
) -> None:
    outcome, told = violate(program, tmp_path, what)
    assert outcome.code == ABORTED, outcome
    assert "after" not in outcome.stdout, outcome
    assert told["thread_name"] == "violation"
    assert told["violation"] == "boundary"
    assert told["access"] == access
    assert told["function"] == "foreign_code"
    assert told["action"] == "abort"
    assert told["backend"] == backend
    assert told["key"] == (2 if backend == "pku" else None)
    base = int(told["allocation"]["base"], 16)
    offset = 48 if what == "past-end" else 10
    assert told["allocation"]["bytes"] == 48
    assert int(told["address"], 16) == base + offset
    assert told["handle"] is told["lease"] is told["offset"] is None
    headline = f"galeed: boundary violation: foreign code in foreign_code tried to {access} memory that it may not"
    assert outcome.stderr.splitlines()[0] == headline
    for line in (
        rf"  where      foreign_code, pc {told['pc']} \(program \+ (0x[0-9a-f]+); addr2line -f -e PROGRAM \1\), thread \d+ \"violation\"",
        rf"  address    {told['address']},.* backend {backend}",
        rf"  allocation 48 bytes at {told['allocation']['base']}; the access is at offset {offset}",
        r"  to do      the foreign code used an address of host memory that .*",
        r"  action     abort",
    ):
        assert re.search(f"^{line}$", outcome.stderr, re.MULTILINE), (line, outcome)


def test_the_published_range_is_readable_and_not_writable(backend: str, program: Program, tmp_path: Path) -> None:
    assert program("violation", "published-read").code == 0
    outcome, told = violate(program, tmp_path, "published-write")
    assert outcome.code == ABORTED, outcome
    assert told["key"] == (1 if backend == "pku" else None)
    assert "foreign-readable" in told["detail"]


def test_jumping_into_the_heap_is_a_violation(backend: str, program: Program, tmp_path: Path) -> None:
    outcome, told = violate(program, tmp_path, "execute")
    assert outcome.code == ABORTED, outcome
    assert told["access"] == "execute", outcome


@pytest.mark.parametrize("what", ["handle", "handle-rbp"])
def test_a_handle_used_as_an_address_reaches_the_hook(
    backend: str, program: Program, tmp_path: Path, what: str
) -> None:
    outcome, told = violate(program, tmp_path, what, "report")
    assert outcome.code == ABORTED, outcome  # what traps cannot be let through
    assert told["action"] == "abort"
    assert told["detail"] == "the hook knows this handle"
    assert told["handle"] == ("0x8000123400040010" if what == "handle" else "0x8000123400040000")
    assert told["access"] == ("write" if what == "handle" else "read")
    assert told["bytes"] == 4


def test_a_violation_of_the_layer_above(backend: str, program: Program, tmp_path: Path) -> None:
    outcome, told = violate(program, tmp_path, "runtime")
    assert outcome.code == ABORTED, outcome
    assert told["violation"] == "spatial"
    assert told["offset"] == 100
    assert told["pc"] is None
    generations = {"generation": 3, "live_generation": 3}
    assert told["lease"] == {"index": 7, **generations, "kind": "private", "bound": 100}


def test_host_code_must_open_a_domain(backend: str, program: Program, tmp_path: Path) -> None:
    outcome, told = violate(program, tmp_path, "host")
    assert outcome.code == ABORTED, outcome
    assert told["function"] is None, outcome
    assert told["allocation"]["bytes"] == 32


def test_policy_report_goes_on_and_says_so(backend: str, program: Program, tmp_path: Path) -> None:
    outcome, told = violate(program, tmp_path, "write", "report")
    assert outcome.code == 0, outcome
    assert "after: 88, rights 3" in outcome.stdout, outcome
    assert told["action"] == "report"
    assert "UNPROTECTED" in outcome.stderr


def test_policy_report_refuses_what_the_runtime_checks(backend: str, program: Program, tmp_path: Path) -> None:
    outcome, told = violate(program, tmp_path, "runtime", "report")
    assert (outcome.code, told["action"]) == (0, "report"), outcome
    assert "the access is not performed" in outcome.stderr
    assert "UNPROTECTED" not in outcome.stderr
    assert "lease      #7, private, 100 bytes, generation now 3" in outcome.stderr


def test_a_lease_that_ended_is_told_in_the_past(backend: str, program: Program, tmp_path: Path) -> None:
    outcome, told = violate(program, tmp_path, "ended", "report")
    assert outcome.code == 0, outcome
    assert told["lease"]["generation"] == told["lease"]["live_generation"] == 3
    assert "lease      #7, private, 100 bytes, ended, was generation 3; the access" in outcome.stderr
    assert f"allocation was 48 bytes at {told['allocation']['base']}" in outcome.stderr
    assert "foreign code in foreign_code tried to write 1 byte that it may not" in outcome.stderr


def test_policy_unwind_without_a_try_aborts_and_says_so(backend: str, program: Program, tmp_path: Path) -> None:
    outcome, told = violate(program, tmp_path, "write", "unwind")
    assert outcome.code == ABORTED, outcome
    assert told["action"] == "abort", outcome
    assert "no galeed::catch (C: mpk_try, Python: Table.attempt) encloses this call" in outcome.stderr


@pytest.mark.parametrize("place", ["host", "foreign", "sent"])
@pytest.mark.parametrize("previous", ["info", "plain", "ignore", "default"])
def test_other_faults_go_where_they_went(backend: str, program: Program, previous: str, place: str) -> None:
    outcome = program("chain", previous, place)
    blocked = {"info": 0, "plain": 1}  # SA_NODEFER is kept
    if previous in blocked:
        line = f"{previous} handler: signal 11, usr1 blocked 1, segv blocked {blocked[previous]}\n"
        assert (outcome.code, outcome.stdout) == (0, line), outcome
    elif (previous, place) == ("ignore", "sent"):
        assert (outcome.code, outcome.stdout) == (0, "went on\n"), outcome
    else:
        assert outcome.code == SEGFAULT, outcome
    assert "galeed" not in outcome.stderr


def test_a_signal_handler_on_top_of_foreign_code_is_foreign(program: Program, backend: str) -> None:
    outcome = program("signals", "foreign")
    assert outcome.code == ABORTED, outcome
    assert "boundary violation" in outcome.stderr, outcome


@pytest.mark.parametrize("what", ["born", "born-signal", "born-callback"])
def test_threads_that_foreign_code_creates(program: Program, backend: str, what: str) -> None:
    if backend == "mprotect":
        pytest.skip("specified: rights are the process's there, rewritten code may not create any")
    outcome = program("threads", what)
    if what == "born-callback":
        assert outcome.code == 0, outcome
    else:
        assert outcome.code == ABORTED, outcome
        assert "boundary violation" in outcome.stderr, outcome


@pytest.mark.parametrize("what", ["taken-host", "taken-published"])
def test_a_taken_address_range(backend: str, program: Program, what: str) -> None:
    outcome = program("startup", what)
    assert outcome.code == 3, outcome
    assert outcome.stdout.startswith("-4: "), outcome
    assert "is taken by another mapping" in outcome.stdout


def test_a_limit_on_address_space(backend: str, programs: Path) -> None:
    done = subprocess.run(
        [programs / "startup", "none"],
        env={**os.environ, "GALEED_BACKEND": backend},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3, done
    assert done.stdout.startswith("-3: "), done
    assert "ulimit -v" in done.stdout


@pytest.mark.parametrize(("policy", "times"), [("refuse", "0 times"), ("serve", "3 times")])
def test_traps_of_foreign_code_are_offered_to_the_server(program: Program, policy: str, times: str) -> None:
    outcome = program("traps", policy, env={"GALEED_ON_TRAP": policy})
    assert outcome.code == 0, outcome
    assert f"asked {times}" in outcome.stdout, outcome


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("GALEED_BACKEND", "sim", "auto, pku or mprotect"),
        ("GALEED_BACKEND", "", "auto, pku or mprotect"),
        ("GALEED_FOREIGN_RIGHTS", "write", "none or read"),
        ("GALEED_ON_VIOLATION", "ignore", "abort, unwind or report"),
        ("GALEED_ON_TRAP", "always", "refuse, serve or serve-raw"),
        ("GALEED_SITES", "some", "off, sampled or full"),
        ("GALEED_PROFILE", "/nonexistent/profile", "a file in a directory that exists"),
        ("GALEED_REPORT", "/nonexistent/report", "a file in a directory that exists"),
        ("GALEED_REPORT", "/", "a file in a directory that exists"),
        ("GALEED_REPORT", "pipe", "a pipe that is read"),
    ],
)
def test_a_bad_variable_is_named(program: Program, tmp_path: Path, variable: str, value: str, allowed: str) -> None:
    if value == "pipe":  # that nobody reads: must not be waited for
        value = str(tmp_path / value)
        os.mkfifo(value)
    outcome = program("startup", "none", env={variable: value})
    assert outcome.code == 3, outcome
    assert outcome.stdout.startswith(f'-5: {variable} is "{value}"'), outcome
    assert allowed in outcome.stdout
    outcome = program("startup", "allocate", env={variable: value})
    assert outcome.code == 2, outcome
    assert outcome.stdout == "", outcome
    assert outcome.stderr.startswith(f"galeed: the runtime cannot start: {variable} is "), outcome


def test_forced_pku_where_there_is_none(program: Program) -> None:
    if "ospke" in Path("/proc/cpuinfo").read_text().split():
        pytest.skip("this CPU has protection keys")
    outcome = program("startup", "none", env={"GALEED_BACKEND": "pku"})
    assert outcome.code == 3, outcome
    assert outcome.stdout.startswith("-1: "), outcome
    assert "no protection keys" in outcome.stdout


# ---- The crate galeed-mpk in a Rust program -----------------------------------


@pytest.fixture(scope="session")
def rust_programs() -> Path:
    """The folder of the built binaries of tests/native/core/program.

    CC names a compiler that refuses the runtime's files, and CFLAGS hold what they
    could not be compiled with: neither is meant for them.
    """
    if not shutil.which("cargo"):
        pytest.skip("no cargo on this machine")
    program = NATIVE / "core" / "program"

    def make(to: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="galeed-target-") as target:
            wrapper = Path(target, "cc-for-the-program")
            wrapper.write_text('#!/bin/sh\ncase "$*" in *mpk/csrc*) exit 1;; esac\nexec cc "$@"\n')
            wrapper.chmod(0o755)
            changes = {"CARGO_TARGET_DIR": target, "CC": str(wrapper)}
            changes["CFLAGS"] = "-Dmpk_gate_enter=mpk_gate_enter -DMPK_THREADS"
            manifest = program / "Cargo.toml"
            compiled.build(["cargo", "build", "--quiet", "--jobs", "2", "--manifest-path", manifest], changes)
            for name in ("guarded", "unguarded"):
                shutil.copy(Path(target, "debug", name), to)

    return compiled.kept("core-program", [ROOT / "mpk", program], [compiled.version(("rustc",))], make)


def test_gates_link_wherever_the_c_library_stands(backend: str, rust_programs: Path, run: Run) -> None:
    outcome = run([rust_programs / "guarded"])
    assert (outcome.code, outcome.stdout) == (0, "42 at 0x200\n"), outcome


@pytest.mark.parametrize("what", ["overflow", "overflow-thread"])
def test_rusts_stack_overflow_message_survives(backend: str, rust_programs: Path, run: Run, what: str) -> None:
    outcome = run([rust_programs / "guarded", what])
    assert outcome.code == ABORTED, outcome
    assert "has overflowed its stack" in outcome.stderr, outcome
    assert "galeed" not in outcome.stderr


def test_panics_pass_the_try(backend: str, rust_programs: Path, run: Run) -> None:
    outcome = run([rust_programs / "guarded", "panic"])
    assert outcome.code == 0, outcome
    assert outcome.stdout.endswith("caught true\n"), outcome


def test_the_allocator_is_known_by_its_symbol(rust_programs: Path) -> None:
    from elftools.elf.elffile import ELFFile
    from elftools.elf.sections import SymbolTableSection

    def symbols(name: str) -> set[str]:
        with (rust_programs / name).open("rb") as file:
            section = ELFFile(file).get_section_by_name(".symtab")
            assert isinstance(section, SymbolTableSection)
            return {symbol.name for symbol in section.iter_symbols()}

    assert "mpk_host_alloc" in symbols("guarded")
    assert "mpk_host_alloc" not in symbols("unguarded")
