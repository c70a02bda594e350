"""`python -m tests.fuzzing.audit [TARGET...] --seconds N`: atheris over what the audit reads.

Each target runs in a process of its own (libFuzzer ends it at the first finding); what it learnt goes on in --corpus. An input that
crashes, or takes longer than a while, is kept there and named. Exit code: 0 nothing, 1 findings, 2 there is no atheris.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import subprocess
import sys
from pathlib import Path

_HANGS_SECONDS, _MOST_MIB, _MOST_BYTES = 20, 3000, 1 << 16


def _one(name: str, words: list[str]) -> None:
    """In the child. Does not come back."""
    import atheris

    with atheris.instrument_imports(include=["audit", "elftools", "llvm_pass.ir", "mpk.report"]):
        from tests.fuzzing.audit.targets import TARGETS
    atheris.Setup([f"audit-{name}", *words], TARGETS[name])
    atheris.Fuzz()


def _fuzz(name: str, seconds: int, corpus: Path) -> bool:
    """Was anything found?"""
    from tests.fuzzing.audit.targets import seeds

    learnt, found = corpus / name, corpus / f"{name}-found"
    for folder in (learnt, found):
        folder.mkdir(parents=True, exist_ok=True)
    for each in seeds(name):
        (learnt / hashlib.sha256(each).hexdigest()[:16]).write_bytes(each)
    words = [
        f"-max_total_time={seconds}", f"-timeout={_HANGS_SECONDS}", f"-rss_limit_mb={_MOST_MIB}", f"-max_len={_MOST_BYTES}",
        f"-artifact_prefix={found}/", "-print_final_stats=1", "-verbosity=1", str(learnt),
    ]  # fmt: skip
    print(f"fuzzing {name} for {seconds} s", flush=True)
    command = [sys.executable, "-m", "tests.fuzzing.audit", "--one", name, *words]
    with (corpus / f"{name}.log").open("wb") as log:
        code = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT).returncode
    said = (corpus / f"{name}.log").read_text(errors="replace").splitlines()
    runs = next((line for line in said if line.startswith("stat::number_of_executed_units")), "no figures")
    print(f"{name}: {'nothing' if code == 0 else f'FOUND, see {corpus}/{name}.log and {found}'}; {runs}", flush=True)
    return code != 0


def main() -> int:
    """The command."""
    has_atheris = importlib.util.find_spec("atheris") is not None
    if has_atheris and sys.argv[1:2] == ["--one"]:
        _one(sys.argv[2], sys.argv[3:])
    if not has_atheris:
        print(
            "there is no atheris: pip install -e '.[fuzz]' (it has wheels for some versions of Python only)",
            file=sys.stderr,
        )
        return 2
    from tests.fuzzing.audit.targets import TARGETS

    parser = argparse.ArgumentParser(prog="python -m tests.fuzzing.audit")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"default: all of {' '.join(TARGETS)}")
    parser.add_argument("--seconds", type=int, default=300, help="for each (default: 300)")
    parser.add_argument("--corpus", type=Path, default=Path("build/audit-fuzz"), metavar="FOLDER")
    options = parser.parse_args()
    wrong = [each for each in options.targets if each not in TARGETS]
    if wrong:
        parser.error(f"there is no target {wrong[0]}; there are: {' '.join(TARGETS)}")
    found = [_fuzz(each, options.seconds, options.corpus) for each in options.targets or TARGETS]
    return int(any(found))


if __name__ == "__main__":
    sys.exit(main())
