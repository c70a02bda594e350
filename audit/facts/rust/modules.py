"""Which files of a crate nobody outside of it can name.

Invariant: a file is hidden only where the file above it, which is here too, declares its module without `pub`, and no
`pub use` of any file names that module.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from audit.facts.rust.source import RustFile

_MODULE = re.compile(rb"^[ \t]*(pub(?:\([^)]*\))? +)?mod +(\w+) *;", re.MULTILINE)
_USE = re.compile(rb"\bpub use ([^;]+);")
_ROOTS = ("lib.rs", "main.rs", "mod.rs")


def hidden(files: list[RustFile]) -> frozenset[str]:
    """The paths of those that are hidden."""
    texts = {Path(file.path): file.text for file in files}
    used = {word for text in texts.values() for use in _USE.findall(text) for word in re.findall(rb"\w+", use)}
    return frozenset(str(path) for path in texts if _is_hidden(path, texts, used))


def _is_hidden(path: Path, texts: dict[Path, bytes], used: set[bytes]) -> bool:
    while True:
        name, folder = (path.parent.name, path.parent.parent) if path.name == "mod.rs" else (path.stem, path.parent)
        above = [folder / root for root in _ROOTS] + [folder.parent / f"{folder.name}.rs"]
        found = next((each for each in above if each in texts and each != path), None)
        if found is None or path.name in ("lib.rs", "main.rs"):
            return False
        declared = [match[1] for match in _MODULE.finditer(texts[found]) if match[2].decode() == name]
        if len(declared) == 1 and (declared[0] or b"").strip() != b"pub" and name.encode() not in used:
            return True
        path = found
