"""mpk_harden, part by part and level by level: what is refused afterwards, and what still works.

tests/native/harden/apply.c applies policies and tries things in one process; what it
prints is judged here. An errno is exact on purpose: it tells which mechanism refused.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests import compiled
from tests.compiled import FLAVOURS
from tests.conftest import Outcome, Run

NEEDS_HOST_STACK = {"stacks"}  # apply.c runs on its own stack; see test_mpk_call.py
NOBODY = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
FORK_GONE, FORK_WHOLE = "40", "41"

Apply = Callable[..., "Applied"]


class Applied:
    """What one run of the program said."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.reports: list[dict[str, str]] = []
        self.trials: dict[str, str] = {}
        for line in outcome.stdout.splitlines():
            if line.startswith("applied="):
                found = re.fullmatch(r"applied=(\S*) missing=(\S*) failed=(\S*) error=(\S+) reason=(.*)", line)
                assert found, line
                names = ("applied", "missing", "failed", "error", "reason")
                self.reports.append(dict(zip(names, found.groups(), strict=True)))
            else:
                name, _, result = line.partition(": ")
                self.trials[name] = result

    @property
    def applied(self) -> set[str]:
        return set(filter(None, self.reports[-1]["applied"].split(",")))

    @property
    def missing(self) -> set[str]:
        return set(filter(None, self.reports[-1]["missing"].split(",")))

    def __str__(self) -> str:
        return str(self.outcome)


@pytest.fixture(scope="session", params=FLAVOURS)
def programs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the compiled programs that everybody can reach, which a checkout need not be."""
    to = tmp_path_factory.mktemp("harden")
    shutil.copytree(compiled.programs("harden", FLAVOURS[request.param]()), to, dirs_exist_ok=True)
    for folder in (to, *to.parents):
        if folder.stat().st_uid == to.stat().st_uid and folder.name.startswith(("harden", "pytest-", "popen-")):
            folder.chmod(0o755)
    return to


@pytest.fixture(params=["root", "nobody"])
def user(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """The words before a command that choose who runs it."""
    if request.param == "root":
        return ()
    if not shutil.which("setpriv") or subprocess.run([*NOBODY, "true"], check=False, capture_output=True).returncode:
        pytest.skip("cannot become nobody here (setpriv, as root)")
    return NOBODY


@pytest.fixture
def apply(programs: Path, run: Run) -> Apply:
    """apply("--seal", "key_zero", user=..., env=...): the program with these arguments."""

    def call(*words: str, user: tuple[str, ...] = (), env: Mapping[str, str | None] | None = None) -> Applied:
        return Applied(run([*user, programs / "apply", *words], env={"GALEED_HARDEN": None, **(env or {})}))

    return call


def expect(applied: Applied, trials: Mapping[str, str]) -> None:
    assert applied.outcome.code == 0, str(applied)
    assert {name: applied.trials.get(name) for name in trials} == dict(trials), str(applied)


def test_undefended_everything_goes(backend: str, apply: Apply) -> None:
    """The control: what is refused below is refused by hardening."""
    trials = ["open_root", "spawn_true", "map_executable", "map_below_host", "protect_secret", "read_own", "memfd"]
    trials += ["load_library", "dump_secret", "discard_secret", "dumpable", "name_thread", "handle_signal"]
    trials += ["return_from_signal", "share_pages", "new_domain", "use_heap", "end_domain"]
    expect(apply(*trials), dict.fromkeys(trials, "ok"))
    if backend == "pku":
        expect(apply("key_zero", "key_alloc"), {"key_zero": "ok", "key_alloc": "ok"})


def test_dump(backend: str, apply: Apply, user: tuple[str, ...]) -> None:
    applied = apply("--dump", "is_dumpable", "core_limit", "open_mem", "use_heap", "cross_gate", user=user)
    mem = "EACCES" if user else "ok"  # root reads any file; landlock is for that
    expect(applied, {"is_dumpable": "ok", "core_limit": "ok", "open_mem": mem, "use_heap": "ok", "cross_gate": "ok"})
    assert applied.applied == {"dump"}


def test_landlock(backend: str, apply: Apply, user: tuple[str, ...]) -> None:
    trials = {"open_root": "EACCES", "open_mem": "EACCES", "exec_true": "EACCES", "spawn_true": "EACCES"}
    trials |= {"load_library": "-1", "use_heap": "ok", "start_thread": "ok", "cross_gate": "ok"}
    applied = apply("--landlock", *trials, user=user)
    expect(applied, trials)
    assert applied.applied == {"landlock"}


def test_deputy_is_not_noticed(backend: str, apply: Apply, user: tuple[str, ...]) -> None:
    trials = {"read_own": "EPERM", "trace": "EPERM", "ring": "EPERM", "dumpable": "EPERM", "new_call": "ENOSYS"}
    trials |= dict.fromkeys(("spawn_true", "load_library", "map_executable", "start_thread", "use_heap"), "ok")
    trials |= dict.fromkeys(("cross_gate", "share_pages", "new_domain", "end_domain", "handle_signal"), "ok")
    applied = apply("--deputy", *trials, user=user)
    expect(applied, trials)
    assert applied.applied == {"deputy"}


@pytest.mark.parametrize("trick", ["int80", "x32"])
def test_other_architectures_kill(backend: str, apply: Apply, trick: str) -> None:
    applied = apply("--deputy", trick)
    assert applied.outcome.code == -signal.SIGSYS, str(applied)


def test_syscalls(backend: str, apply: Apply, user: tuple[str, ...]) -> None:
    trials = dict.fromkeys(("exec_true", "spawn_true", "map_executable", "map_over_host", "memfd", "set_fs"), "EPERM")
    trials |= dict.fromkeys(("map_into_host_from_below", "unmap_other", "move_secret", "dump_secret"), "EPERM")
    trials |= dict.fromkeys(("discard_secret", "key_zero", "key_alloc", "read_own", "dumpable"), "EPERM")
    trials |= dict.fromkeys(("map_below_host", "map_above_published", "open_root", "start_thread"), "ok")
    trials |= dict.fromkeys(("name_thread", "use_heap", "cross_gate", "return_from_signal"), "ok")
    trials |= {"new_call": "ENOSYS", "fork_and_exit": FORK_WHOLE}
    trials["protect_secret"] = "EPERM" if backend == "pku" else "ok"  # there a gate is a change of page rights
    applied = apply("--syscalls", *trials, user=user)
    expect(applied, trials)
    assert applied.applied == {"syscalls", "deputy"}
    assert ("weaker on the mprotect backend" in applied.reports[0]["reason"]) == (backend == "mprotect")


def test_seal(backend: str, apply: Apply, user: tuple[str, ...]) -> None:
    if backend == "mprotect":
        applied = apply("--seal", "use_heap", user=user)
        assert applied.reports[0]["failed"] == "seal"
        assert "cannot be had on the mprotect backend" in applied.reports[0]["reason"]
        assert applied.applied == set()
        return
    trials = dict.fromkeys(("protect_secret", "key_zero", "move_secret", "unmap_other"), "EPERM")
    trials |= dict.fromkeys(("cross_gate", "use_heap", "start_thread", "discard_secret"), "ok")  # the host may discard
    applied = apply("--seal", *trials, user=user)
    expect(applied, trials)
    assert applied.applied == {"seal"}


@pytest.mark.parametrize("part", ["seal", "syscalls"])
def test_a_frozen_heap_ends_clearly(backend: str, apply: Apply, part: str) -> None:
    if backend == "mprotect":
        pytest.skip("domains are frozen on pku only")
    trials = {"fill_heap": "ok", "share_pages": "ENOMEM", "new_domain": "ENOMEM", "end_domain": "ENOMEM"}
    applied = apply(f"--{part}", *trials, env={"GALEED_HARDEN_MEMORY": "64M"})
    expect(applied, trials)  # ENOMEM is also 12, the number of MPK_EHARDEN
    assert 16 < int(applied.trials["blocks"]) < 64


def test_signals(backend: str, apply: Apply, user: tuple[str, ...]) -> None:
    if backend == "mprotect":
        applied = apply("--signals", user=user)
        assert applied.reports[0]["failed"] == "signals"
        return
    trials = {"handle_signal": "EPERM", "cross_gate": "ok", "use_heap": "ok", "start_thread": "ok"}
    expect(apply("--signals", *trials, user=user), trials)
    assert apply("--signals", "return_from_signal", user=user).outcome.code == -signal.SIGSYS
    stopped = apply("--signals", "touch_closed", user=user)
    assert stopped.outcome.code == -signal.SIGABRT, str(stopped)
    assert "boundary violation" in stopped.outcome.stderr
    assert apply("--signals", "touch_nothing", user=user).outcome.code == -signal.SIGSEGV
    refused = apply("--signals", env={"GALEED_ON_VIOLATION": "unwind"})
    assert "needs GALEED_ON_VIOLATION=abort" in refused.reports[0]["reason"]
    refused = apply("--signals", env={"GALEED_ON_TRAP": "serve"})
    assert "needs GALEED_ON_TRAP=refuse" in refused.reports[0]["reason"]


def test_fork(backend: str, apply: Apply, user: tuple[str, ...]) -> None:
    trials = {"fork_and_exit": "ELOOP", "fork_and_touch": str(1000 + signal.SIGSEGV)}  # ELOOP is 40
    trials |= {"spawn_true": "ok", "use_heap": "ok", "cross_gate": "ok"}
    assert FORK_GONE == "40"
    applied = apply("--fork", *trials, user=user)
    expect(applied, trials)
    assert "it has no domains, and may only exec or _exit" in applied.outcome.stderr


def test_rseq_is_prepared_by_the_environment(backend: str, apply: Apply, user: tuple[str, ...]) -> None:
    refused = apply("--rseq", user=user)
    assert refused.reports[0]["failed"] == "rseq"
    assert "set GALEED_HARDEN=rseq" in refused.reports[0]["reason"]
    trials = {"rseq": "EPERM", "start_thread": "ok"}
    for tunables in (None, "glibc.malloc.check=0"):
        expect(apply("--rseq", *trials, user=user, env={"GALEED_HARDEN": "rseq", "GLIBC_TUNABLES": tunables}), trials)


def test_secretmem(backend: str, apply: Apply, user: tuple[str, ...]) -> None:
    """As nobody it depends on the limit of locked memory, which then is what is named."""
    env = {"GALEED_HARDEN": "secretmem", "GALEED_HARDEN_MEMORY": "64M"}
    trials = {"read_own": "EFAULT", "use_heap": "ok", "cross_gate": "ok", "fork_and_exit": "ELOOP", "fill_heap": "ok"}
    applied = apply("--secretmem", *trials, "share_pages", "new_domain", "end_domain", user=user, env=env)
    if user and applied.outcome.code == 1:
        assert "it counts as locked memory, and the limit is " in applied.outcome.stderr
        applied = apply("--full?", "use_heap", user=user, env={**env, "GALEED_HARDEN": "full?"})
        expect(applied, {"use_heap": "ok"})
        assert "secretmem" in applied.missing
        return
    expect(applied, trials)
    assert applied.applied == {"secretmem", "fork"}
    refused = apply("--secretmem", user=user)
    assert "set GALEED_HARDEN=secretmem" in refused.reports[0]["reason"]


@pytest.mark.parametrize("level", ["basic", "strict", "full"])
def test_levels(backend: str, apply: Apply, user: tuple[str, ...], level: str) -> None:
    """All that can be had: what is missing is named, and nothing else is missing."""
    parts = {"dump", "deputy"}
    if level != "basic":
        parts |= {"seal", "landlock", "syscalls", "code"}
    if level == "full":
        parts |= {"signals", "rseq", "fork", "stacks", "secretmem"}
    lacks = NEEDS_HOST_STACK & parts
    if backend == "mprotect":
        lacks |= {"seal", "signals"} & parts
    if level == "full":
        lacks |= {"secretmem"}
    applied = apply(f"--{level}?", "use_heap", "cross_gate", "start_thread", user=user, env={"GALEED_HARDEN": "rseq"})
    expect(applied, {"use_heap": "ok", "cross_gate": "ok", "start_thread": "ok"})
    assert (applied.applied, applied.missing) == (parts - lacks, lacks), str(applied)
    assert all(f"{part}: " in applied.reports[0]["reason"] for part in lacks)


def test_a_level_that_cannot_be_had_is_refused_before_anything_changes(backend: str, apply: Apply) -> None:
    applied = apply("--full", "open_root", "read_own", "spawn_true")
    expect(applied, {"open_root": "ok", "read_own": "ok", "spawn_true": "ok"})
    assert (applied.applied, applied.reports[0]["error"]) == (set(), "-12")


def test_more_parts_later(backend: str, apply: Apply) -> None:
    applied = apply("--basic", "open_root", "--basic,landlock", "open_root", "--syscalls", "use_heap", "cross_gate")
    assert [report["error"] for report in applied.reports] == ["0", "0", "0"]
    assert applied.applied == {"dump", "deputy", "landlock", "syscalls"}
    applied = apply("--syscalls", "--landlock", "--dump", "open_root")
    assert [report["error"] for report in applied.reports] == ["0", "0", "-12"]
    assert "syscalls is in force already" in applied.reports[2]["reason"]
    expect(applied, {"open_root": "EACCES"})


@pytest.mark.parametrize(
    "steps", [("basic", "strict?"), ("deputy", "code"), ("dump", "code", "basic"), ("dump", "deputy", "code")]
)
def test_steps_come_to_what_one_call_gives(
    backend: str, apply: Apply, user: tuple[str, ...], steps: tuple[str, ...]
) -> None:
    """What an earlier part refuses to everybody is not what a later one needs."""
    at_once = apply("--" + ",".join(steps), user=user)
    in_steps = apply(*(f"--{step}" for step in steps), "use_heap", "cross_gate", user=user)
    expect(in_steps, {"use_heap": "ok", "cross_gate": "ok"})
    assert "code" in in_steps.applied, str(in_steps)
    assert (in_steps.applied, in_steps.missing) == (at_once.applied, at_once.missing), str(in_steps)


def test_a_wrong_word_in_the_environment_is_named(backend: str, apply: Apply) -> None:
    for name, value in (("GALEED_HARDEN", "stritc"), ("GALEED_HARDEN_MEMORY", "1T"), ("GALEED_HARDEN_MEMORY", "4K")):
        outcome = apply(env={name: value}).outcome
        assert outcome.code == 1, str(outcome)
        assert f'{name} is "{value}"; it may be ' in outcome.stderr


def test_threads_that_were_there_before(backend: str, apply: Apply, user: tuple[str, ...]) -> None:
    applied = apply("thread:free", "@open_root", "--strict?,fork", "@open_root", "@map_executable", "@trace", user=user)
    assert applied.outcome.stdout.splitlines()[0] == "open_root: ok"
    expect(applied, {"open_root": "EACCES", "map_executable": "EPERM", "trace": "EPERM"})
    applied = apply("thread:free", "--landlock,deputy", "@cross_gate", "cross_gate", "@fork_and_exit", user=user)
    expect(applied, {"cross_gate": "ok", "fork_and_exit": FORK_WHOLE})


def test_a_thread_that_cannot_be_reached_is_named(backend: str, apply: Apply) -> None:
    applied = apply("thread:blocked", "--dump,landlock", "open_root", "is_dumpable")
    expect(applied, {"open_root": "ok", "is_dumpable": "-1"})
    assert re.search(r"landlock: thread \d+ does not take its signal", applied.reports[0]["reason"])
    expect(apply("thread:blocked", "--deputy", "@read_own"), {"read_own": "EPERM"})  # the kernel reaches it


def test_a_child_of_a_fork_amid_hardening_can_harden(backend: str, apply: Apply) -> None:
    expect(apply("fork_while_hardening"), {"fork_while_hardening": "ok"})


def test_signals_reach_older_threads(backend: str, apply: Apply) -> None:
    if backend == "mprotect":
        pytest.skip("signals is refused there")
    applied = apply("thread:free", "--signals", "@cross_gate", "@use_heap", "@handle_signal")
    expect(applied, {"cross_gate": "ok", "use_heap": "ok", "handle_signal": "EPERM"})


ENOSYS, EPERM, FAKED = 38, 1, 0
MSEAL, CREATE_RULESET, RESTRICT_SELF, SECCOMP, PRCTL, MEMFD_SECRET, MADVISE = 462, 444, 446, 317, 157, 447, 28


@pytest.mark.parametrize(
    ("part", "call", "error", "reason"),
    [
        ("seal", MSEAL, ENOSYS, "this kernel has no mseal"),
        ("seal", MSEAL, EPERM, "mseal is refused"),
        ("seal", MSEAL, FAKED, "mseal reports success and seals nothing"),
        ("landlock", CREATE_RULESET, ENOSYS, "this kernel has no Landlock"),
        ("landlock", CREATE_RULESET, FAKED, "this kernel has no Landlock"),
        ("landlock", RESTRICT_SELF, EPERM, "Operation not permitted"),
        ("landlock", RESTRICT_SELF, FAKED, "the kernel reports success, and nothing has changed"),
        ("deputy", SECCOMP, EPERM, "seccomp is missing, too old or refused"),
        ("deputy", SECCOMP, FAKED, "the filter has no effect"),
        ("syscalls", SECCOMP, FAKED, "the filter has no effect"),
        ("dump", PRCTL, FAKED, "has no effect here"),
        ("dump", PRCTL, EPERM, "has no effect here"),
        ("fork", MADVISE, FAKED, "a trial child had the domains all the same"),
        ("fork", MADVISE, EPERM, "madvise(MADV_DONTFORK) failed"),
    ],
)
def test_what_a_kernel_lacks_or_fakes(
    backend: str, apply: Apply, part: str, call: int, error: int, reason: str
) -> None:
    """By a filter from outside, as container hosts have them."""
    if part == "seal" and backend == "mprotect":
        pytest.skip("seal is refused there for another reason")
    applied = apply(f"refuse:{call}={error}", f"--{part}", "use_heap")
    expect(applied, {"use_heap": "ok"})
    assert (applied.reports[0]["failed"], applied.reports[0]["error"]) == (part, "-12"), str(applied)
    assert reason in applied.reports[0]["reason"], str(applied)
    assert part not in applied.applied
    optional = apply(f"refuse:{call}={error}", f"--{part}?", "use_heap")
    expect(optional, {"use_heap": "ok"})
    assert optional.missing == {part} | ({"deputy"} if part == "syscalls" else set()), str(optional)


def test_the_report_of_a_refusal_names_what_is_in_force_nevertheless(backend: str, apply: Apply) -> None:
    applied = apply(f"refuse:{RESTRICT_SELF}={EPERM}", "--dump,landlock", "is_dumpable", "use_heap")
    expect(applied, {"is_dumpable": "ok", "use_heap": "ok"})
    assert (applied.applied, applied.reports[0]["failed"]) == ({"dump"}, "landlock"), str(applied)


def test_open_doors_are_named(backend: str, programs: Path, run: Run) -> None:
    """A descriptor of /proc/self/mem from before would outlive the filter."""
    shell = f"exec {programs}/apply --deputy use_heap 7<>/proc/self/mem"
    applied = Applied(run(["sh", "-c", shell]))
    expect(applied, {"use_heap": "ok"})
    assert applied.reports[0]["failed"] == "deputy"
    assert re.search(r"descriptor 7 is a process's memory \(/proc/\d+/mem\)", applied.reports[0]["reason"])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_open_doors_are_known_by_other_names(backend: str, programs: Path, run: Run, tmp_path: Path) -> None:
    """proc may be mounted elsewhere, and any file under another name."""
    shell = f"mount -t proc proc {tmp_path} && exec {programs}/apply --deputy 7<>{tmp_path}/self/mem"
    applied = Applied(run(["unshare", "--mount", "sh", "-c", shell]))
    assert applied.reports[0]["failed"] == "deputy", str(applied)
    assert "descriptor 7 is a process's memory" in applied.reports[0]["reason"]


def test_a_filter_whose_effect_cannot_be_seen_is_not_installed(
    backend: str, programs: Path, run: Run, user: tuple[str, ...]
) -> None:
    """Its trial needs a child, which a limit may forbid."""
    if user == () and os.geteuid() == 0:
        pytest.skip("no limit on processes binds root")
    shell = f"ulimit -u 0; exec {programs}/apply --syscalls memfd map_executable"
    applied = Applied(run([*user, "bash", "-c", shell]))
    assert applied.reports, str(applied)
    assert applied.reports[0]["failed"] in ("deputy", "syscalls"), str(applied)
    assert "no trial child can be made" in applied.reports[0]["reason"]
    expect(applied, {"memfd": "ok", "map_executable": "ok"})
