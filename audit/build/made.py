"""What a build made, by the messages of cargo: bitcode of Rust and C, libraries, and what build scripts asked for."""

from __future__ import annotations

import filecmp
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from audit.build.compiler import SUFFIX, folder_of
from llvm_pass.driver.cargo_arguments import TRIPLE
from llvm_pass.driver.cargo_build import Script


@dataclass(frozen=True)
class Library:
    """A crate that was built for the target. folder: of its source. made: what its build script made, if it has one."""

    name: str
    file: Path
    folder: Path
    made: Path | None


@dataclass
class Built:
    """rust, c: bitcode files, those of C for each build script. own: those of crates in the folder itself. scripts: what build
    scripts asked to link. failure: why the build ended early, a line; "" when it did not."""

    libraries: list[Library] = field(default_factory=list)
    rust: list[Path] = field(default_factory=list)
    own: set[Path] = field(default_factory=set)
    c: list[list[Path]] = field(default_factory=list)
    scripts: list[Script] = field(default_factory=list)
    failure: str = ""


def collect(messages: list[dict[str, Any]], folder: Path, target: Path, failure: str) -> Built:
    built = Built(failure=failure)
    rust: set[Path] = set()
    made = {each["package_id"]: Path(each["out_dir"]) for each in messages if each.get("reason") == "build-script-executed"}
    for message in messages:
        if message.get("reason") == "compiler-artifact":
            modules = _modules(message, target / TRIPLE)
            rust.update(modules)
            if Path(message["target"]["src_path"]).is_relative_to(folder):
                built.own |= modules
            built.libraries += _libraries(message, target / TRIPLE, made)
        elif message.get("reason") == "build-script-executed":
            out = Path(message["out_dir"])
            if out.is_relative_to(target / TRIPLE):
                beside = out.rglob(f"*{SUFFIX}")  # of an object that was compiled without OUT_DIR
                built.c.append(sorted({*folder_of(out).glob(f"*{SUFFIX}"), *beside}))
                built.scripts.append(_script(message, out))
    built.rust = sorted(rust)
    return built


def _script(message: dict[str, Any], out: Path) -> Script:
    paths = tuple(Path(each.partition("=")[2] or each) for each in message["linked_paths"])
    package = message["package_id"].rpartition("/")[2]  # path+file:///a/name#1.0.0, registry+https://host/index#name@1.0.0
    name = package.partition("#")[2].partition("@")[0] if "@" in package else package.partition("#")[0]
    return Script(name, tuple(message["linked_libs"]), paths, out)


def _libraries(message: dict[str, Any], target: Path, made: dict[str, Path]) -> list[Library]:
    files = [Path(each) for each in message["filenames"] if each.endswith(".rlib")]
    root = Path(message["target"]["src_path"]).parent
    name = message["target"]["name"].replace("-", "_")
    # The one in deps has its dependencies beside it.
    kept = [_original(each, name) or each for each in files if each.is_relative_to(target)]
    return [Library(name, each, root, made.get(message["package_id"])) for each in kept]


def _modules(message: dict[str, Any], target: Path) -> set[Path]:
    """The bitcode of one artifact: it has the name of what rustc wrote beside it."""
    name = message["target"]["name"].replace("-", "_")
    files = [Path(each) for each in message["filenames"]]
    originals = [_original(each, name) for each in files if each.is_relative_to(target)]
    stems = ((each, each.stem.removeprefix("lib") if each.suffix else each.name) for each in originals if each is not None)
    return {module for each, stem in stems if (module := each.with_name(f"{stem}.bc")).is_file()}


def _original(file: Path, name: str) -> Path | None:
    """What rustc wrote in deps. Above it lies the last build's, a link to it (a copy where there are no links): others of the
    name, of other features or versions, are in deps too."""
    if file.parent.name == "deps":
        return file
    deps = file.parent / "deps"
    alike = [deps / file.name, *deps.glob(f"*{name}-{'[0-9a-f]' * 16}{file.suffix}")]
    alike = [each for each in alike if each.is_file()]
    same = [each for each in alike if each.samefile(file)] or [each for each in alike if filecmp.cmp(each, file, shallow=False)]
    return same[0] if same else None
