"""One half of a pair, audited by galeed-audit as a user would: a folder, what was built of it, and the report."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit.model import Confidence, Evidence, Finding, Location, Severity
from experiments.audit import source
from experiments.audit.pairs import PROJECTS
from experiments.model import LabError
from experiments.output import write_atomically
from experiments.workshop import ROOT, clean_environment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experiments.audit.pairs import Pair

PLACE = ROOT / "build" / "audit"
_BUILD = """fn main() {
    println!("cargo:rerun-if-changed=c");
    for (suffix, is_cpp) in [("c", false), ("cpp", true)] {
        let mut files = std::fs::read_dir("c").unwrap().map(|each| each.unwrap().path()).collect::<Vec<_>>();
        files.retain(|each| each.extension().is_some_and(|it| it == suffix));
        if !files.is_empty() {
            cc::Build::new().cpp(is_cpp).files(files).compile(&format!("native_{suffix}"));
        }
    }
}
"""
# Versions differ: cargo takes packages of one name and version for the same, wherever they lie.
_VERSIONS = {"buggy": "1.0.0", "fixed": "1.0.1"}
_MANIFEST = """[package]
name = "{name}"
version = "{version}"
edition = "2024"

[build-dependencies]
cc = "1"

[workspace]
"""


@dataclass(frozen=True)
class Audited:
    """A report. built: the folder was built whole; False: judged by its source and what was built."""

    folder: Path
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    built: bool


def project(pair: Pair, half: str) -> Path:
    """A project's half, whole, in a folder of its own."""
    folder = PLACE / "projects" / pair.name / half
    for part in ("common", half):
        if (PROJECTS / pair.name / part).is_dir():
            shutil.copytree(PROJECTS / pair.name / part, folder, dirs_exist_ok=True)
    if not (folder / "build.rs").is_file():
        write_atomically(folder / "build.rs", _BUILD)
    write_atomically(folder / "Cargo.toml", _MANIFEST.format(name=pair.name, version=_VERSIONS[half]))
    lock = (PROJECTS / "project.lock").read_text(encoding="utf-8")
    own = f'name = "{pair.name}"\nversion = "{_VERSIONS[half]}"'
    write_atomically(folder / "Cargo.lock", lock.replace('name = "project"\nversion = "0.0.0"', own))
    return folder


def fetched(pair: Pair, half: str) -> Path:
    """The folder of a half, with all that building it needs. Raises LabError where that cannot be had."""
    if not pair.is_published:
        return project(pair, half)
    version = pair.buggy if half == "buggy" else pair.fixed
    assert version is not None
    return source.prepare(pair.crate, version, pair.features, PLACE / "crates")


def _environment(pair: Pair) -> dict[str, str]:
    """Of everything that builds: offline, with target folders of our own."""
    target = PLACE / ("target" if pair.is_published else "target-projects")
    return clean_environment({"CARGO_TARGET_DIR": str(target), "CARGO_NET_OFFLINE": "true", "PYTHONPATH": str(ROOT)})


def _artifacts(pair: Pair, folder: Path) -> list[Path]:
    """What cargo links of a project, and the archives of its C."""
    words = ["cargo", "build", "--offline", "--message-format=json"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, env=_environment(pair), check=False)
    if done.returncode != 0:
        raise LabError(f"{folder} does not build: {(done.stderr.strip().splitlines() or [''])[-1]}")
    found: list[Path] = []
    for message in map(json.loads, done.stdout.splitlines()):
        if message.get("executable"):
            kept = folder / "linked" / Path(message["executable"]).name
            kept.parent.mkdir(exist_ok=True)
            shutil.copyfile(message["executable"], kept)  # the other half's has the same name
            found.append(kept)
        elif message.get("reason") == "build-script-executed" and folder.name in message["package_id"]:
            found += sorted(Path(message["out_dir"]).glob("*.a"))
    return found


def audited(pair: Pair, half: str, is_anew: bool = True) -> Audited:
    """Runs galeed-audit with candidates shown; not is_anew: takes the report that is there, if there is one.

    pre: fetched. Raises LabError where it gives no report.
    """
    folder = fetched(pair, half)
    report = folder.with_name(f"{folder.name}.json")
    if is_anew or not report.is_file():
        _run(pair, folder, report)
    said = json.loads(report.read_text(encoding="utf-8"))
    built = not pair.source_only and not any("does not build" in note for note in said["notes"])
    return Audited(folder, tuple(read(each) for each in said["findings"]), tuple(said["notes"]), built)


def _run(pair: Pair, folder: Path, report: Path) -> None:
    paths = [folder, *(_artifacts(pair, folder) if pair.has_artifacts else ())]
    report.unlink(missing_ok=True)
    words = [
        sys.executable, "-m", "audit.cli", "--format", "json", "--confidence", "low", "--quiet", "--exit-zero",
        "--output", str(report), *(["--no-build"] if pair.source_only else []), *map(str, paths),
    ]  # fmt: skip
    done = subprocess.run(
        words, cwd=PLACE, capture_output=True, text=True, env=_environment(pair), stdin=subprocess.DEVNULL, check=False
    )
    if done.returncode != 0 or not report.is_file():
        raise LabError(f"galeed-audit on {folder}: {(done.stderr.strip().splitlines() or ['no report'])[-1]}")


def read(said: dict[str, Any]) -> _Read:
    """A finding of a JSON report."""
    evidence = tuple(
        Evidence(
            each["kind"], each["text"],
            Location(each["artifact"], each["line"], each["column"], None, each["symbol"]),
        )
        for each in said["evidence"]
    )  # fmt: skip
    severity, confidence = Severity[said["severity"].upper()], Confidence[said["confidence"].upper()]
    return _Read(said["rule"], severity, confidence, said["message"], said["fingerprint"], evidence)


class _Read(Finding):
    """Its key is the fingerprint that the report says."""

    @property
    def fingerprint(self) -> str:
        return self.key


def shown(findings: Sequence[Finding]) -> list[Finding]:
    """What a user sees by default, without counts."""
    return [each for each in findings if each.confidence >= Confidence.MEDIUM and each.severity is not Severity.METRIC]
