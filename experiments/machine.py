"""Facts about the machine that results are worthless without."""

from __future__ import annotations

import ctypes
import datetime as dt
import os
import platform
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.model import LabError

if TYPE_CHECKING:
    from collections.abc import Callable

    from experiments.model import Json

BACKENDS = ("pku", "mprotect")
NO_KEYS = "this CPU or kernel has no protection keys"


def _cpuinfo() -> dict[str, str]:
    """The first processor's fields of /proc/cpuinfo; empty where there is none."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    fields = (line.partition(":") for line in text.split("\n\n")[0].splitlines())
    return {name.strip(): value.strip() for name, _, value in fields}


@cache
def pku_available() -> bool:
    """Whether CPU and kernel have user protection keys: OSPKE and a trial allocation [pkeys(7)]."""
    if "ospke" not in _cpuinfo().get("flags", "").split():
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    key: int = libc.pkey_alloc(0, 0)
    if key < 0:
        return False
    libc.pkey_free(key)
    return True


def usable(backend: str, say: Callable[[str], object]) -> bool:
    """Whether programs can run on the backend here; says so where they cannot."""
    if backend != "pku" or pku_available():
        return True
    say(f"pku: unavailable, {NO_KEYS}")
    return False


@cache
def emulated() -> bool:
    """Whether the CPU is translated in software (QEMU TCG): times mean nothing there."""
    return "TCG" in _cpuinfo().get("model name", "")


def busy() -> bool:
    """Whether other work takes half of the CPUs already: figures would be blurred."""
    return os.getloadavg()[0] > len(os.sched_getaffinity(0)) / 2


def first_line(*command: str) -> str | None:
    """The first line that a command prints; None where it cannot be run. What it writes is dropped."""
    program = shutil.which(command[0])
    if program is None:
        return None
    words = [str(Path(program).absolute()), *command[1:]]
    try:
        with tempfile.TemporaryDirectory() as folder:  # csmith --version leaves a file where it stands
            done = subprocess.run(
                words, cwd=folder, capture_output=True, text=True, errors="replace", timeout=60, check=False
            )
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = done.stdout.splitlines()
    return lines[0] if done.returncode == 0 and lines else None


def facts() -> dict[str, Json]:
    """What a reader needs in order to compare: CPU, kernel, compilers, date."""
    cpu = _cpuinfo()
    libc = " ".join(part for part in platform.libc_ver() if part)
    return {
        "cpu": cpu.get("model name", platform.machine()),
        "cpus": len(os.sched_getaffinity(0)),
        "load_1min": round(os.getloadavg()[0], 2),
        "emulated": emulated(),
        "hypervisor": "hypervisor" in cpu.get("flags", "").split(),
        "pku": pku_available(),
        "kernel": platform.release(),
        "libc": libc,
        "rustc": first_line("rustc", "--version"),
        "cc": first_line("cc", "--version"),
        "python": platform.python_version(),
        "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
    }


def facts_for_times(say: Callable[[str], object]) -> dict[str, Json]:
    """The facts, where times mean something. Raises LabError on an emulated CPU; says when the machine is busy."""
    if emulated():
        raise LabError("this CPU is emulated in software: times taken here mean nothing")
    known = facts()
    if busy():
        say(f"the load is {known['load_1min']} on {known['cpus']} CPUs: other work will blur these figures")
    return known
