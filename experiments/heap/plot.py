"""Bars of ours over each rival, one panel for each number of threads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments.heap.measure import OURS, THREADS
from experiments.model import LabError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from experiments.heap.measure import Series


def bars(series: Sequence[Series], path: Path) -> None:
    """Ratios on a logarithmic axis; below 1 ours is faster. Raises LabError without matplotlib."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise LabError("the plot needs matplotlib: pip install 'galeed[lab]'") from error
    figure = Figure(figsize=(13, 4.2 * len(THREADS)), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    panels = figure.subplots(len(THREADS), 1, squeeze=False)
    for row, threads in enumerate(THREADS):
        panel = panels[row][0]
        shown = [one for one in series if one.threads == threads]
        names = [name for name in shown[0].ns if name != OURS]
        width = 0.8 / len(names)
        for place, name in enumerate(names):
            heights = [one.ratio(name) for one in shown]
            panel.bar([x + place * width for x in range(len(shown))], heights, width, label=f"over {name}")
        panel.axhline(1.0, color="black", linewidth=0.8)
        panel.set_yscale("log")
        panel.set_xticks([x + 0.4 for x in range(len(shown))], [one.case for one in shown], rotation=60, fontsize=8)
        panel.set_ylabel("time, ours / theirs")
        panel.set_title(f"{threads} thread{'s' if threads > 1 else ''}")
        panel.legend()
        panel.grid(axis="y", alpha=0.3)
    canvas.print_figure(path, format="png", dpi=110)
