"""Judges the native libraries that build scripts asked for: rewritten, or who calls them.

Invariant: a library is judged by its own file. What cannot be shown to be called by
rewritten code alone is taken to be called from Rust; Rust's own declarations are not
looked at, so code of the first kind that Rust calls as well is not told apart.
"""

from dataclasses import dataclass, field
from pathlib import Path

from llvm_pass.driver import inspect_objects
from llvm_pass.driver.cargo_build import Script
from llvm_pass.driver.errors import DriverError

UNREWRITTEN = "not rewritten; called from Rust, it runs with Rust's rights"
# The C library that Rust's own standard library stands on.
C_LIBRARY = frozenset("c m pthread dl rt util resolv gcc_s gcc gcc_eh".split())
CXX_LIBRARY = frozenset(["stdc++", "c++", "c++abi", "supc++"])  # Rust has no declarations of these
BUNDLE = "use the crate's feature that bundles its C source (often named `static`, `bundled` or `vendored`)"
OWN_COMPILER = "let the build script compile with $CC, as crate cc does unless it is told a compiler"


@dataclass
class Library:
    """One native library that a build script asked for."""

    package: str
    name: str
    path: str | None
    rewritten: bool
    detail: str
    objects: list[str] = field(default_factory=list)  # those with code that was not rewritten
    inner: list[str] = field(default_factory=list)  # of these, those that rewritten code calls
    called_from_rust: bool = False  # not rewritten, as far as can be told
    advice: str = ""


def judge(package: str, script: Script, said: str) -> Library | None:
    """said: "[KIND[:MODIFIERS]=]NAME[:RENAME]", as build scripts print it. None: the C library."""
    kind, _, name = said.rpartition("=")
    kind, name = kind.split(":")[0], name.split(":")[0]
    endings = {"static": (".a",), "dylib": (".so",)}.get(kind, (".so", ".a"))
    verbatim = "+verbatim" in said
    for folder in script.paths:
        for ending in endings:
            path = folder / (name if verbatim else f"lib{name}{ending}")
            if path.is_file():
                return _inspected(Library(package, name, str(path), False, ""), path, script.out_dir)
    if name in C_LIBRARY:
        return None
    if name in CXX_LIBRARY:
        whose = "static" if kind == "static" else "shared"
        return Library(package, name, None, False, f"the system's {whose} library, not rewritten; called from C++")
    what = "static library outside the build script's paths" if kind == "static" else "the system's shared library"
    return Library(package, name, None, False, f"{what}, {UNREWRITTEN}", called_from_rust=True, advice=BUNDLE)


def _inspected(library: Library, path: Path, out_dir: Path) -> Library:
    library.advice = OWN_COMPILER if path.is_relative_to(out_dir) else BUNDLE
    try:
        if path.suffix == ".so" or ".so." in path.name:
            _shared(library, path)
        else:
            _archive(library, path)
    except DriverError as error:
        library.detail = f"cannot be read, so it counts as not rewritten: {error}"
        library.called_from_rust, library.advice = True, ""
    return library


def _shared(library: Library, path: Path) -> None:
    library.rewritten = bool(inspect_objects.rewritten(path.read_bytes(), str(path)))
    library.called_from_rust = not library.rewritten
    library.detail = (
        "shared library with rewritten code"
        if library.rewritten
        else f"shared library not compiled by galeed-cc: {UNREWRITTEN}"
    )


def _archive(library: Library, path: Path) -> None:
    left: list[tuple[str, bytes]] = []
    needed: set[str] = set()
    done = 0
    for member, data in inspect_objects.members(path):
        verdict = inspect_objects.rewritten(data, f"{path}({member})")
        if verdict is False:
            left.append((member, data))
        elif verdict:
            done += 1
            needed |= inspect_objects.symbols(data, f"{path}({member})")[1]
    library.objects = [member for member, _ in left]
    library.inner = [member for member, data in left if _serves_only(data, f"{path}({member})", needed)]
    outer = len(left) - len(library.inner)
    library.rewritten, library.called_from_rust = not left, outer > 0
    if left and not done:
        library.detail = f"static library not compiled by galeed-cc: {UNREWRITTEN}"
    elif outer:
        library.detail = f"{outer} of {count(done + len(left), 'object')} {UNREWRITTEN}"
        library.advice = ""
    elif left:
        library.detail = f"{len(left)} of {count(done + len(left), 'object')} not rewritten; called from rewritten C"
    else:
        library.detail = f"{count(done, 'object')} rewritten" if done else "no code"


def _serves_only(data: bytes, name: str, needed: set[str]) -> bool:
    """Is each of its entry points, under one of its names, one that rewritten objects of the archive call?"""
    entries, _ = inspect_objects.symbols(data, name)
    return bool(entries) and all(names & needed for names in entries.values())


def count(number: int, what: str) -> str:
    """ "1 object", "2 objects"."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def lines(library: Library) -> tuple[list[str], list[str]]:
    """(warnings, notes) for people."""
    start = f"{library.package}: library {library.name}: "
    warnings, notes = [], []
    outer = [each for each in library.objects if each not in library.inner]
    if library.called_from_rust:
        advice = f"; {library.advice}" if library.advice else ""
        warnings.append(f"{start}{library.detail}{_listed(outer)}{advice}")
    elif not library.rewritten and not library.inner:
        notes.append(f"{start}{library.detail}")
    if library.inner:
        notes.append(
            f"{start}{_listed(library.inner).strip(' ()')}: not rewritten; called from rewritten C, it traps on "
            "pseudo-pointers; use the crate's option without assembler, if it has one (often named `no_asm`)"
        )
    return warnings, notes


def _listed(names: list[str], most: int = 40) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f" ({' '.join(names[:most])}{more})" if names else ""
