"""The original's box plots [Galeed], one panel per backend and shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments.micro.collect import OPERATIONS, SHAPES, VARIANTS, Key
from experiments.model import LabError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def box_plot(samples: Mapping[Key, list[float]], backends: Sequence[str], path: Path) -> None:
    """Draws ns per access on a logarithmic axis. Raises LabError without matplotlib."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise LabError("the plot needs matplotlib: pip install 'galeed[lab]'") from error
    figure = Figure(figsize=(11, 4.2 * len(backends)), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    panels = figure.subplots(len(backends), len(SHAPES), squeeze=False)
    for row, backend in enumerate(backends):
        for column, shape in enumerate(SHAPES):
            panel = panels[row][column]
            keys = [Key(backend, shape, operation, variant) for operation in OPERATIONS for variant in VARIANTS]
            panel.boxplot([samples[key] for key in keys], showfliers=False)
            panel.set_xticks(
                range(1, len(keys) + 1),
                [f"{key.operation}\n{key.variant}" for key in keys],
                rotation=90,
                fontsize=8,
            )
            panel.set_yscale("log")
            panel.set_ylabel("ns per access")
            words = "one access a call" if shape == "call" else "many accesses a call"
            panel.set_title(f"{backend}: {words}")
            panel.grid(axis="y", alpha=0.3)
    canvas.print_figure(path, format="png", dpi=110)
