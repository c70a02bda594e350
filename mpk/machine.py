"""What this machine can do and what the runtime's steps cost here: facts, without any formatting.

Features are found by trial, never by version number; costs are measured in C
(csrc/probe), each the median of several runs.
"""

import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mpk._native import ffi, lib

COSTS = {
    "rdpkru": lib.MPK_PROBE_RDPKRU,
    "wrpkru": lib.MPK_PROBE_WRPKRU,
    "getpid": lib.MPK_PROBE_GETPID,
    "mprotect_page": lib.MPK_PROBE_MPROTECT,
    "pkey_mprotect_page": lib.MPK_PROBE_PKEY_MPROTECT,
    "gate_round_trip": lib.MPK_PROBE_GATE,
}
"""Names of the costs, in the order in which they are shown."""

_FEATURES = (
    "pku_cpu",
    "pku_enabled",
    "pku_alloc",
    "fsgsbase",
    "mseal",
    "memfd_secret",
    "landlock_abi",
    "seccomp",
    "rseq",
    "rseq_registered",
)


@dataclass(frozen=True)
class Feature:
    """One feature. value: 0 no, 1 yes, more: its version. refusal: errno of the trial, or None."""

    name: str
    value: int
    refusal: int | None

    @property
    def detail(self) -> str:
        """In words: "yes", "no", "4", "no (ENOSYS: Function not implemented)"."""
        if self.refusal is not None:
            name = errno.errorcode.get(self.refusal, str(self.refusal))
            return f"no ({name}: {os.strerror(self.refusal)})"
        return ("no", "yes")[self.value] if self.value in (0, 1) else str(self.value)


def features() -> list[Feature]:
    """Tries every feature out. One page of address space stays sealed afterwards."""
    out: Any = ffi.new("struct mpk_probe_features *")
    lib.mpk_probe_features(out)
    values = {name: int(getattr(out, name)) for name in _FEATURES}
    return [Feature(name, max(value, 0), -value if value < 0 else None) for name, value in values.items()]


def cost_ns(name: str) -> float | None:
    """One of COSTS in nanoseconds, or None where this machine cannot do it.

    pre for "gate_round_trip": mpk.start() succeeded; no other Python thread runs.
    """
    value = float(lib.mpk_probe_cost_ns(COSTS[name]))
    return value if value >= 0 else None


def cpu_model() -> str:
    """The CPU's name as the kernel gives it, or "unknown"."""
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        return "unknown"
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
