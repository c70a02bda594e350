"""Names of entries in the policy that no C of a whole build has: a misspelt one closes a gate that Rust needs.

Invariant: names are read from the linked archives themselves, static functions' too. Names
in files are not asked for: version scripts name variables as well, and other systems' functions.
"""

from collections.abc import Iterable
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path

from llvm_pass.driver import inspect_objects
from llvm_pass.driver.cargo_build import Script
from llvm_pass.driver.errors import DriverError
from llvm_pass.policy import Policy
from llvm_pass.policy.read import nearest

BODY = ".foreign"  # behind a gate's name, in every rewritten object
_KEYS = ("entries", "exclusive")
_NAMES_SHOWN = 8


def absent(policy: Policy, scripts: Iterable[Script], target: Path) -> list[str]:
    """A sentence for each entry that nothing has; none where nothing was rewritten."""
    words = [(key, word) for key in _KEYS for word in policy.names(key) or () if word not in policy.lists]
    if not words:
        return []
    gates: set[str] = set()
    for script in scripts:
        if script.out_dir.is_relative_to(target):
            gates |= _gates(script)
    missing = [(key, word) for key, word in words if not any(fnmatchcase(name, word) for name in gates)]
    known = sorted(gates)
    return [
        f"{policy.where(key)}: no C of this build has an entry '{word}'; {_hint(word, known)}"
        for key, word in (missing if gates else ())
    ]


def _hint(word: str, known: list[str]) -> str:
    hint = nearest(word, known)
    return hint if hint.startswith("did") else nearest("", known[:_NAMES_SHOWN])


def _gates(script: Script) -> set[str]:
    """Names that have a gate in the archives of one build script."""
    found: set[str] = set()
    for path in sorted({path for folder in {script.out_dir, *script.paths} for path in folder.glob("*.a")}):
        with suppress(DriverError, OSError):  # said where the library itself is looked at
            for member, data in inspect_objects.members(path):
                names = inspect_objects.defined(data, f"{path}({member})")
                found |= {name for name in names if name + BODY in names}
    return found
