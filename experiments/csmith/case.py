"""One program: made, built as it is, checked and lent; run; compared.

`checked` is what galeed-cc makes, in a program without a host: every pointer is raw, and
every check lets it pass. `lent` is the program with all of its objects lent (pass
`lend-everything`, before clang optimises, so that LLVM's optimiser works on accesses
that it cannot fold away), built with the same flags in front of a host.

Invariant: a program that plain clang's build does not end in time says nothing about us
and is skipped in every mode; so is one that differs, when plain clang's own levels of
optimisation disagree about it: its behaviour is undefined (Csmith's endless loops, its
conversions of floats). Source: [Csmith].
"""

from __future__ import annotations

import random
import resource
import shlex
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.model import LabError
from experiments.workshop import ROOT, clean_environment
from llvm_pass.errors import GaleedError
from llvm_pass.pipeline import Options, rewrite

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experiments.csmith.tools import Tools
    from experiments.model import Json

MODES = ("checked", "lent")
LEVELS = ("-O0", "-O1", "-O2", "-O3", "-Os")
BUILD_SECONDS = 240.0  # far more than any takes by itself
# Of processor time, so that a busy machine gives the same verdicts.
PLAIN_SECONDS = 2
# A private lease costs a crossing on each access: that is no hang.
MODE_SECONDS = {"checked": 10, "lent": 20}
WALL_FACTOR = 30  # for a program that sleeps
SKIPPED, SAME = "skipped", "same"
FAILURES = ("different", "not built", "build hangs")


@dataclass(frozen=True)
class Case:
    """What a seed stands for; the same on every machine (vectors: if the CPU has them)."""

    seed: int
    generator: tuple[str, ...]
    flags: tuple[str, ...]

    @classmethod
    def of(cls, seed: int, vectors: bool) -> Case:
        """Sizes, language features and the level of optimisation, all drawn by the seed.

        Half of the programs are small, so that more of them are judged in the same time.
        """
        draw = random.Random(seed)
        small = random.Random(f"small {seed}").random() < 0.5
        generator = [
            "--seed", str(seed), "--concise", "--max-funcs", str(draw.randint(1, 4)),
            "--max-block-depth", str(draw.randint(1, 3)), "--max-expr-complexity", str(draw.randint(2, 6)),
            "--max-pointer-depth", str(draw.randint(1, 4)), "--inline-function-prob", str(draw.choice((0, 50))),
        ]  # fmt: skip
        if small:
            generator += ["--max-block-size", "2", "--max-array-dim", "2", "--max-array-len-per-dim", "4"]
            generator += ["--max-struct-fields", "5", "--max-union-fields", "3"]
        generator += [option for option in ("--float", "--builtins") if draw.random() < 0.25]
        generator += [f"--no-{option}" for option in ("volatiles", "bitfields") if draw.random() < 0.15]
        level = draw.choice(LEVELS)
        extra = draw.choice(([], [], ["-g"], ["-fno-inline"], ["-fno-strict-aliasing"], ["-mavx2"]))
        if extra == ["-mavx2"] and not vectors:
            extra = []
        if "--float" in generator:  # Csmith mixes pointers to float and to int
            extra = [*extra, "-fno-strict-aliasing", "-Wno-incompatible-pointer-types"]
        return cls(seed, tuple(generator), (level, *extra, "-w"))


@dataclass
class Outcome:
    """A mode's verdict: same, skipped, slow (no end in time) or one of FAILURES."""

    verdict: str
    note: str = ""
    seconds: dict[str, float] = field(default_factory=dict)

    def facts(self) -> dict[str, Json]:
        """As it is recorded."""
        return {
            "verdict": self.verdict,
            **({"note": self.note} if self.note else {}),
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
        }


@dataclass(frozen=True)
class Run:
    """How a program ended: None when out of time."""

    status: int | None
    said: bytes


class BuildFailed(Exception):
    """A build of ours failed or hung."""

    def __init__(self, verdict: str, note: str) -> None:
        super().__init__(note)
        self.verdict, self.note = verdict, note


def judge(case: Case, tools: Tools, modes: Sequence[str], keep: Path) -> dict[str, Outcome]:
    """All modes of one case. keep: folder for the programs whose verdict is a failure."""
    with tempfile.TemporaryDirectory(prefix="galeed-csmith-") as scratch:
        work = Path(scratch)
        source = work / "program.c"
        _call([tools.csmith, *case.generator, "--output", str(source)], work, BUILD_SECONDS)
        if not source.is_file():
            return dict.fromkeys(modes, Outcome(SKIPPED, "csmith made no program"))
        return compare(source, case.flags, tools, modes, keep / f"{case.seed}")


def compare(source: Path, flags: Sequence[str], tools: Tools, modes: Sequence[str], keep: Path) -> dict[str, Outcome]:
    """Builds and runs one source in its modes and compares with plain clang's program."""
    work = source.parent
    common = [*flags, *(f"-I{folder}" for folder in tools.headers)]
    program = work / "plain"
    built = _call([*tools.clang, *common, str(source), "-lm", "-o", str(program)], work, BUILD_SECONDS)
    if built is None or built.returncode != 0:
        return dict.fromkeys(modes, Outcome(SKIPPED, "plain clang does not compile it"))
    wanted = execute(program, PLAIN_SECONDS)
    if wanted.status is None:
        return dict.fromkeys(modes, Outcome(SKIPPED, "plain clang's program does not end"))
    outcomes = {}
    for mode in modes:
        outcome = _mode(mode, source, common, tools, wanted)
        if outcome.verdict in ("different", "slow") and not _defined(source, common, tools, wanted):
            outcome = Outcome(SKIPPED, "plain clang's levels disagree")
        outcomes[mode] = outcome
        if outcome.verdict in FAILURES:
            keep.mkdir(parents=True, exist_ok=True)
            (keep / "program.c").write_bytes(source.read_bytes())
            (keep / f"{mode}.txt").write_text(f"{shlex.join(flags)}\n{outcome.verdict}: {outcome.note}\n")
    return outcomes


def _defined(source: Path, common: list[str], tools: Tools, wanted: Run) -> bool:
    """Does plain clang's program say the same at the other levels?"""
    for level in ("-O0", "-O2"):
        program = source.with_name(f"plain{level}")
        built = _call(
            [*tools.clang, *common, level, str(source), "-lm", "-o", str(program)], source.parent, BUILD_SECONDS
        )
        if built is None or built.returncode != 0 or execute(program, PLAIN_SECONDS * 5) != wanted:
            return False
    return True


def _mode(mode: str, source: Path, common: list[str], tools: Tools, wanted: Run) -> Outcome:
    start = time.perf_counter()
    outcome, program = Outcome(SAME), source.parent / mode
    try:
        build(mode, source, common, tools, program)
    except BuildFailed as failed:
        outcome = Outcome(failed.verdict, failed.note)
    outcome.seconds["build"] = time.perf_counter() - start
    if outcome.verdict != SAME:
        return outcome
    start = time.perf_counter()
    got = execute(program, MODE_SECONDS[mode])
    outcome.seconds["run"] = time.perf_counter() - start
    if got.status is None:
        outcome.verdict = "slow"
    elif got != wanted:
        outcome.verdict, outcome.note = "different", _difference(got, wanted)
    return outcome


def _difference(got: Run, wanted: Run) -> str:
    if got.status != wanted.status:
        lines = got.said.decode(errors="replace").strip().splitlines()
        reports = [line for line in lines if line.startswith("galeed: ")]
        return f"exit status {got.status}, not {wanted.status}; it said: {[*reports, *lines[-1:], 'nothing'][0]}"
    pairs = zip(got.said.splitlines(), wanted.said.splitlines(), strict=False)
    ours, theirs = next((pair for pair in pairs if pair[0] != pair[1]), (b"fewer or more lines", b""))
    return f"{ours.decode(errors='replace')} / {theirs.decode(errors='replace')}"


def build(mode: str, source: Path, flags: list[str], tools: Tools, program: Path) -> None:
    """Makes one of MODES out of a source, with intermediate files beside it. Raises BuildFailed."""
    if mode == "checked":
        _checked(source, flags, tools, program)
    else:
        _lent(source, flags, tools, program)


def _checked(source: Path, common: list[str], tools: Tools, program: Path) -> None:
    compiled = source.with_name("checked.o")
    _build([*tools.galeed_cc, *common, "-c", str(source), "-o", str(compiled)])
    _build([*tools.clang, str(compiled), str(tools.standalone), "-lm", "-o", str(program)])


def _lent(source: Path, common: list[str], tools: Tools, program: Path) -> None:
    from experiments.csmith.tools import LIBRARIES

    def stage(name: str) -> Path:
        return source.with_name(f"{name}.bc")

    flags = [word for word in common if not word.startswith("-I")]
    to_ir = [*tools.clang, *common, "-Dmain=lent_main", "-emit-llvm", "-c", str(source)]
    _build([*to_ir, "-Xclang", "-disable-llvm-passes", "-o", str(stage("raw"))])
    _rewrite(stage("raw"), stage("lent"), Options(passes=("lend-everything",)))
    _build([*tools.clang, *flags, "-emit-llvm", "-c", str(stage("lent")), "-o", str(stage("optimised"))])
    _rewrite(stage("optimised"), stage("rewritten"), Options())
    compiled = source.with_name("lent.o")
    _build([*tools.clang, *flags, "-c", str(stage("rewritten")), "-o", str(compiled)])
    _build([*tools.clang, str(compiled), *map(str, tools.lent), *LIBRARIES, "-o", str(program)])


def _rewrite(source: Path, output: Path, options: Options) -> None:
    """In this process, for speed, with a limit on its time. pre: the process's main thread."""
    try:
        with _limited(BUILD_SECONDS):
            output.write_bytes(rewrite(source.read_bytes(), options).bitcode)
    except GaleedError as error:
        raise BuildFailed("not built", f"{', '.join(options.passes)}: {error}"[:600]) from error


class _limited:  # noqa: N801 - reads as a word in `with`
    """Raises BuildFailed in the block when its time is over."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        signal.signal(signal.SIGALRM, self._over)
        signal.setitimer(signal.ITIMER_REAL, self._seconds)

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _over(self, *_: object) -> None:
        raise BuildFailed("build hangs", f"the passes do not end within {self._seconds:.0f} s")


def _environment() -> dict[str, str]:
    return clean_environment({"PYTHONPATH": str(ROOT)})


def _call(command: Sequence[str], folder: Path, seconds: float) -> subprocess.CompletedProcess[str] | None:
    """None: out of time."""
    try:
        return subprocess.run(
            command, cwd=folder, env=_environment(), capture_output=True, text=True, errors="replace",
            timeout=seconds, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return None
    except OSError as error:
        raise LabError(f"{command[0]}: {error.strerror}") from error


def _build(command: Sequence[str]) -> None:
    done = _call(command, Path(command[-1]).parent, BUILD_SECONDS)
    if done is None:
        raise BuildFailed("build hangs", f"{shlex.join(command)} does not end within {BUILD_SECONDS:.0f} s")
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        wrong = [line for line in lines if "rror" in line] or lines[-1:] or [f"status {done.returncode}"]
        raise BuildFailed("not built", wrong[0][:600])


def execute(program: Path, seconds: int) -> Run:
    """Runs it; its argument asks for the checksum after each variable."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    try:
        done = subprocess.run(
            [str(program), "1"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=_environment(),
            timeout=seconds * WALL_FACTOR,
            preexec_fn=limit,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Run(None, b"")
    out_of_time = done.returncode in (-signal.SIGXCPU, -signal.SIGKILL)
    return Run(None, b"") if out_of_time else Run(done.returncode, done.stdout)
