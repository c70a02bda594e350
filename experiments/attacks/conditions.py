"""What an attack needs of kernel and machine besides a backend, and whether it is there.

A row names what it needs in its table `lacking`, with the verdict where that is not
there. So one table holds on every machine, and a machine where less can be attacked is
told from a defence.

Invariant: a condition looks at the running kernel and its settings, never at whether
the attack succeeded.

Source: [io_uring_setup(2)], [perf_event_open(2)], [core(5)], [ptrace(2)] for the files.
"""

from __future__ import annotations

import platform
import re
import resource
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.machine import pku_available
from experiments.model import LabError

if TYPE_CHECKING:
    from collections.abc import Callable

_KERNEL = Path("/proc/sys/kernel")
_CAP_SYS_RESOURCE = 24  # capabilities(7), linux/capability.h


def _setting(name: str, absent: str) -> str:
    try:
        return (_KERNEL / name).read_text(encoding="utf-8").strip()
    except OSError:
        return absent


def _io_uring(user: str) -> bool:
    return int(_setting("io_uring_disabled", "0")) < (2 if user == "root" else 1)


def _perf(user: str) -> bool:
    return user == "root" or int(_setting("perf_event_paranoid", "3")) <= 2


def _ptrace(user: str) -> bool:
    """A child may attach to its parent (Yama asks for CAP_SYS_PTRACE from 1 on)."""
    return int(_setting("yama/ptrace_scope", "0")) < (3 if user == "root" else 1)


def _cores(user: str) -> bool:
    """Cores are files called core in the working directory, not handed to a program."""
    del user
    return (_setting("core_pattern", ""), _setting("core_uses_pid", "")) == ("core", "0")


def _locked_memory(user: str) -> bool:
    """Whether memory can be locked without limit, or whoever starts the program may raise it."""
    (bits,) = re.findall(r"^CapEff:\s*(\w+)", _status(), re.MULTILINE)
    may_raise = bool(int(bits, 16) >> _CAP_SYS_RESOURCE & 1)
    return user == "root" or may_raise or resource.getrlimit(resource.RLIMIT_MEMLOCK)[1] == resource.RLIM_INFINITY


def _keys(user: str) -> bool:
    """System calls about keys, which C may make whatever backend the domain is on."""
    del user
    return pku_available()


def _status() -> str:
    return Path("/proc/self/status").read_text(encoding="utf-8")


_SETTINGS: dict[str, Callable[[str], bool]] = {
    "io_uring": _io_uring,
    "perf": _perf,
    "ptrace": _ptrace,
    "cores": _cores,
    "locked memory": _locked_memory,
    "protection keys": _keys,
}


def holds(condition: str, user: str) -> bool:
    """Whether the machine has what is named: a setting, or "Linux X.Y". Raises LabError."""
    if condition in _SETTINGS:
        return _SETTINGS[condition](user)
    wanted, running = re.fullmatch(r"Linux (\d+)\.(\d+)", condition), re.match(r"(\d+)\.(\d+)", platform.release())
    if not wanted or not running:
        raise LabError(f"no condition is called {condition}")
    return tuple(map(int, running.groups())) >= tuple(map(int, wanted.groups()))
