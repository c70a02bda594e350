"""Measurement builds for machines without protection keys: the runtime as it is, minus its key writes.

Every source is compiled to assembler as the runtime is shipped; there each WRPKRU and RDPKRU
is replaced by an instruction that changes no rights, and the result is linked with
without_keys.c, which counts keys and passes pkey_mprotect on as mprotect. All the rest
(loads, compares, look-ups, stack switch, scrub, system calls, signals) is the
runtime's own and takes the time that it takes.

What no figure made by it contains: the time of WRPKRU and RDPKRU themselves, what waiting
for them costs the instructions around (two stand-ins bracket it), and what keys cost the
TLB. An *estimate* adds a published price of the two instructions, by its formula. Such
programs isolate nothing; none is installed.

Source: [libmpk Table 1] for the prices, in cycles.
"""

from __future__ import annotations

import re
import subprocess
from functools import cache
from typing import TYPE_CHECKING

from experiments.bench.figures import Figure
from experiments.model import LabError
from experiments.workshop import BUILDS, ROOT, clean_environment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

COMPILE = ("cc", "-std=gnu11", "-O2", "-pthread", "-Impk/csrc")
BACKEND = "pku without key writes"
SUPPORT = ROOT / "experiments" / "gates" / "without_keys.c"
WRAPPED = ("syscall", "_mpk_frame_pkru", "_mpk_frame_set_pkru")
# What may stand for WRPKRU: bytes that do nothing, so that all around them overlaps freely;
# or an instruction that keeps what is before apart from what is behind, as WRPKRU does
# for memory accesses at least [SDM 2, WRPKRU]. The truth lies between.
STAND_INS: Mapping[str, str] = {"overlapping": "nopl (%rax)", "kept apart": "lfence"}
RDPKRU = "xorl %eax, %eax"  # every key open
OSPKE = "cpuid\n\torl $16, %ecx"  # bit 4 of leaf 7 [SDM 2, CPUID]
WRITE_CYCLES = 23.3
READ_CYCLES = 0.5


def replaced(assembler: str, stand_in: str, *, says_ospke: bool) -> str:
    """Assembler text without instructions that need protection keys. stand_in: a key of STAND_INS."""
    text = re.sub(r"(?m)^(\s*(?:77:)?\s*)wrpkru\b", rf"\g<1>{STAND_INS[stand_in]}", assembler)
    text = re.sub(r"(?m)^(\s*)rdpkru\b", rf"\g<1>{RDPKRU}", text)
    return re.sub(r"(?m)^(\s*)cpuid\b", rf"\g<1>{OSPKE}", text) if says_ospke else text


def _cc(words: Sequence[str]) -> None:
    done = subprocess.run([*words], cwd=ROOT, env=clean_environment(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        first = next((line for line in done.stderr.splitlines() if "error" in line.lower()), done.stderr.strip())
        raise LabError(f"a measurement build without key writes does not compile: {first}")


def _listing(source: Path) -> str:
    folder = BUILDS / "without-keys"
    folder.mkdir(parents=True, exist_ok=True)
    listing = folder / f"{source.stem}.s"
    _cc((*COMPILE, "-S", str(source), "-o", str(listing)))
    return listing.read_text(encoding="utf-8")


@cache
def _runtime() -> Mapping[str, str]:
    """The runtime's sources as assembler, by name; compiled once a process."""
    return {source.stem: _listing(source) for source in sorted((ROOT / "mpk" / "csrc").glob("*.c"))}


def build(program: Path, stand_in: str) -> Path:
    """The executable of one C program with the runtime. Raises LabError with the compiler's first error."""
    folder = BUILDS / f"without-keys-{stand_in.replace(' ', '-')}" / program.stem
    folder.mkdir(parents=True, exist_ok=True)
    texts = {**_runtime(), f"program_{program.stem}": _listing(program)}
    listings = [folder / f"{name}.s" for name in texts]
    for listing, text in zip(listings, texts.values(), strict=True):
        listing.write_text(replaced(text, stand_in, says_ospke=listing.stem == "start"), encoding="utf-8")
    result = folder / program.stem
    wraps = [f"-Wl,--wrap={name}" for name in WRAPPED]
    _cc((*COMPILE, *wraps, str(SUPPORT), *map(str, listings), "-o", str(result)))
    return result


def over_two_writes(rest_cycles: float, reads: int = 2) -> float:
    """The estimate: (two WRPKRU + so many RDPKRU + the rest) / two WRPKRU, in published cycles."""
    return (2 * WRITE_CYCLES + reads * READ_CYCLES + rest_cycles) / (2 * WRITE_CYCLES)


def rest_and_estimate(name: str, stand_in: str, rest_ns: float, cycles_per_ns: float, note: str = "") -> list[Figure]:
    """What an operation takes besides its two key writes, and the ratio that this makes with published prices."""
    cycles = rest_ns * cycles_per_ns
    formula = f"(2 x {WRITE_CYCLES} + 2 x {READ_CYCLES} + {cycles:.0f}) / (2 x {WRITE_CYCLES}) cycles [libmpk Table 1]"
    return [
        Figure(
            f"{name}: all but its key writes, {stand_in}",
            BACKEND,
            rest_ns,
            None,
            unit="ns",
            note=f"{rest_ns:.1f} ns, {cycles:.0f} cycles at {cycles_per_ns:.2f} GHz{note}",
        ),
        Figure(
            f"{name} / two WRPKRU, {stand_in}",
            BACKEND,
            over_two_writes(cycles),
            None,
            note=f"an estimate, not a measurement: {formula}",
            estimate=True,
        ),
    ]
