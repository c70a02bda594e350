"""From measurements to figures with their goals, tables and JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from experiments.bench.figures import Figure
from experiments.heap.measure import geometric_mean
from experiments.output import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experiments.libraries.build import Compiled
    from experiments.libraries.measure import Case
    from experiments.libraries.rewriting import Rewriting
    from experiments.model import Json

RAW_GOAL, LENT_GOAL, WORST_GOAL = 1.10, 1.35, 1.8
SIZE_GOAL, COMPILE_GOAL = 1.6, 1.5
LINES_GOAL = 100_000
AMALGAMATION = "sqlite"
OWN_GOAL_S, PEAK_GOAL_MIB = 5.0, 2048.0


@dataclass(frozen=True)
class Measured:
    """All that was measured of one library. rewriting: None where it was not asked for."""

    name: str
    cases: Sequence[Case]
    compiled: Compiled
    rewriting: Rewriting | None

    def ratio(self, way: str) -> float:
        """Over plain: the geometric mean of the cases."""
        return geometric_mean(case.ratio(way) for case in self.cases)

    @property
    def size_ratio(self) -> float:
        """Executable bytes, galeed-cc's over clang's."""
        return self.compiled.text_bytes["galeed-cc"] / self.compiled.text_bytes["clang"]

    def compile_ratio(self, what: str) -> float:
        """Of all files' cpu_s or wall_s, galeed-cc's over clang's."""
        return self.compiled.total("galeed-cc", what) / self.compiled.total("clang", what)

    @property
    def peak_mib(self) -> float:
        """The largest process tree of galeed-cc."""
        return max(used["galeed-cc"].peak_bytes for used in self.compiled.files.values()) / 2**20

    def as_object(self) -> dict[str, Json]:
        """For result.json."""
        compiled = self.compiled
        whole: dict[str, Json] = {
            "library": self.name,
            "raw_over_plain": round(self.ratio("raw"), 3),
            "lent_over_plain": round(self.ratio("lent"), 3),
            "text_bytes": dict(compiled.text_bytes),
            "size_ratio": round(self.size_ratio, 3),
            "compile_cpu_s": {name: round(compiled.total(name, "cpu_s"), 2) for name in compiled.text_bytes},
            "compile_wall_s": {name: round(compiled.total(name, "wall_s"), 2) for name in compiled.text_bytes},
            "compile_cpu_ratio": round(self.compile_ratio("cpu_s"), 3),
            "compile_wall_ratio": round(self.compile_ratio("wall_s"), 3),
            "own_s": round(compiled.total("galeed-cc", "own_s"), 2),
            "peak_mib": round(self.peak_mib),
        }
        if self.rewriting is not None:
            whole["ir_lines"] = self.rewriting.lines
            whole["passes_s"] = round(self.rewriting.own_s, 3)
            whole["passes_llvm_s"] = round(self.rewriting.llvm_s, 3)
        return whole


def figures(libraries: Sequence[Measured], backend: str) -> list[Figure]:
    """The figures that have a goal. pre: at least one library with a case."""
    cases = [case for one in libraries for case in one.cases]
    found = []
    for way, goal in (("raw", RAW_GOAL), ("lent", LENT_GOAL)):
        mean = geometric_mean(one.ratio(way) for one in libraries)
        over_cases = geometric_mean(case.ratio(way) for case in cases)
        note = f"geometric mean of {len(libraries)} libraries'; of all {len(cases)} cases {over_cases:.2f}x"
        found.append(Figure(f"{way} / plain", "none" if way == "raw" else backend, mean, goal, note=note))
    worst, way, case = max(
        ((case.ratio(way), way, case) for case in cases for way in ("raw", "lent")), key=lambda item: item[0]
    )
    found.append(Figure("worst case / plain", backend, worst, WORST_GOAL, note=f"{case.library} {case.name}, {way}"))
    for name, values, goal in (
        ("code size", [one.size_ratio for one in libraries], SIZE_GOAL),
        ("compile time (CPU)", [one.compile_ratio("cpu_s") for one in libraries], COMPILE_GOAL),
        ("compile time (wall)", [one.compile_ratio("wall_s") for one in libraries], COMPILE_GOAL),
    ):
        note = f"geometric mean of {len(libraries)} libraries; the worst has {max(values):.2f}x"
        found.append(Figure(f"{name} / clang -O2", "any", geometric_mean(values), goal, note=note))
    done = [one.rewriting for one in libraries if one.rewriting is not None]
    if done:
        lines, own_s = sum(each.lines for each in done), sum(each.own_s for each in done)
        note = f"{lines:,} lines in {own_s:.2f} s; LLVM's own time beside it: {sum(each.llvm_s for each in done):.1f} s"
        found.append(Figure("passes", "any", lines / own_s, LINES_GOAL, "lines/s", at_most=False, note=note))
    for one in libraries:
        if one.name == AMALGAMATION:
            own_s = one.compiled.total("galeed-cc", "own_s")
            note = f"CPU time outside clang; {own_s:.1f} s of {one.compiled.total('galeed-cc', 'cpu_s'):.1f} s"
            found.append(Figure("sqlite amalgamation: own time", "any", own_s, OWN_GOAL_S, "s", note=note))
            peak = Figure("sqlite amalgamation: peak memory", "any", one.peak_mib, PEAK_GOAL_MIB, "MiB")
            found.append(peak)
    return found


def tables(libraries: Sequence[Measured]) -> str:
    """Each case, then each library."""
    cases = [
        (
            case.library,
            case.name,
            *(f"{case.least_s(way):.3f} s" for way in ("plain", "raw", "lent")),
            *(f"{case.ratio(way):.2f}x" for way in ("raw", "lent")),
        )
        for one in libraries
        for case in one.cases
    ]
    rows = [
        (
            one.name,
            f"{one.size_ratio:.2f}x",
            f"{one.compile_ratio('cpu_s'):.2f}x",
            f"{one.compile_ratio('wall_s'):.2f}x",
            f"{one.compiled.total('galeed-cc', 'cpu_s'):.1f} s",
            f"{one.compiled.total('galeed-cc', 'own_s'):.1f} s",
            f"{one.peak_mib:,.0f} MiB",
            "" if one.rewriting is None else f"{one.rewriting.lines:,}",
            "" if one.rewriting is None else f"{one.rewriting.lines / one.rewriting.own_s:,.0f}",
        )
        for one in libraries
    ]
    head = ("library", "size", "compile CPU", "wall", "galeed-cc", "of it own", "peak", "IR lines", "lines/s")
    return "\n\n".join(
        (
            table(("library", "case", "plain", "raw", "lent", "raw/plain", "lent/plain"), cases),
            table(head, rows),
        )
    )
