"""libmpk's two plots [libmpk]: rights over the number of pages, and over the number of threads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments.model import LabError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from experiments.libmpk.collect import Point


def plot(points: Sequence[Point], path: Path) -> None:
    """Draws both panels, one line a backend. Raises LabError without matplotlib."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise LabError("the plot needs matplotlib: pip install 'galeed[lab]'") from error
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    pages, threads = figure.subplots(1, 2)
    for backend in dict.fromkeys(point.backend for point in points):
        found = [point for point in points if (point.backend, point.case) == (backend, "mprotect")]
        x = [point.x for point in found]
        pages.plot(x, [point.ns for point in found], marker="o", label=f"mpk_mprotect, {backend}")
        pages.plot(x, [point.rival_ns for point in found], marker="x", ls="--", label=f"mprotect(2), {backend} run")
        found = [point for point in points if (point.backend, point.case) == (backend, "sync")]
        if found:
            threads.plot([p.x for p in found], [p.ns / 1000 for p in found], marker="o", label=backend)
    pages.set(xscale="log", yscale="log", xlabel="pages", ylabel="ns per call", title="One thread")
    threads.set(xlabel="other threads", ylabel="µs per call", title="mpk_mprotect until all threads have it")
    for panel in (pages, threads):
        panel.grid(alpha=0.3)
        if panel.lines:
            panel.legend()
        else:
            panel.text(0.5, 0.5, "unavailable: no protection keys here", ha="center", transform=panel.transAxes)
    canvas.print_figure(path, format="png", dpi=110)
