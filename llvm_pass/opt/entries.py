"""Entries that a command names and no module has."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from llvm_pass.policy import Policy
from llvm_pass.policy.read import nearest
from llvm_pass.remarks import Remark

_SHOWN = 8
_PASS = "entry-gates"


def absent_entries(policy: Policy, remarks: Iterable[Remark]) -> str:
    """What is wrong with the policy's entries, by what pass entry-gates said of all modules; "" if nothing.

    Names in files are not asked for: a version script names variables as well, and what only
    other systems have.
    """
    said: dict[str, dict[str, str]] = {}
    for remark in remarks:
        if remark.pass_name == _PASS:
            said.setdefault(remark.name, {})[remark.function] = remark.reason
    entries = said.get("Entry", {})
    words = [word for word in policy.names("entries") or () if word not in policy.lists]
    absent = [word for word in words if not any(fnmatchcase(name, word) for name in entries)]
    if not absent:
        return ""
    inside = said.get("NoGate", {})
    if len(absent) == 1 and absent[0] in inside:
        return f"'{absent[0]}' is no entry: {inside[absent[0]]}"
    known = (*entries, *said.get("NoEntry", {}))
    hint = f"; {nearest(absent[0], sorted(known)[:_SHOWN])}" if known else ""
    more = f" and {len(absent) - _SHOWN} more" if len(absent) > _SHOWN else ""
    names = ", ".join(f"'{word}'" for word in absent[:_SHOWN])
    return f"no input defines {names}{more}{hint}"
