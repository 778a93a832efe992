"""Pictures of the results, as SVG. Equal results give equal files."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.frame.results import Entry

STYLE: Any = {"svg.hashsalt": "waypost", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9}
MET, NOT_MET, PEER = "#2a7f62", "#c8553d", "#8a8f98"


@contextmanager
def _drawn(file: Path, width: float, height: float, plots: int = 1) -> Iterator[Sequence[Axes]]:
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure.subplots(1, plots, squeeze=False)[0]
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})


def draw_ratios(entries: Mapping[str, Entry], file: Path) -> None:
    """The ratio of each relative goal as a share of the goal, so that all rows share one scale."""
    shown = {name: entry for name, entry in entries.items() if entry["relative"]}
    with _drawn(file, 7, 0.8 + 0.34 * len(shown)) as (axes,):
        for place, entry in enumerate(reversed(shown.values())):
            share = share_of_goal(entry, entry["ratio"])
            ends = sorted(share_of_goal(entry, end) for end in entry["interval"] or (entry["ratio"],))
            axes.barh(place, share, color=MET if entry["met"] else NOT_MET, height=0.6)
            axes.hlines(place, ends[0], ends[-1], color="black", linewidth=1)
        axes.set_yticks(range(len(shown)), [f"{name} {entry['unit']}" for name, entry in reversed(shown.items())])
        axes.axvline(1, color="black", linestyle="--", linewidth=1)
        axes.set_xlabel("share of the goal (dashed: the goal; thin line: interval)")


def share_of_goal(entry: Entry, ratio: float) -> float:
    """1 or more: met."""
    bound = float(entry["bound"])
    return ratio / bound if entry["higher_is_better"] else bound / ratio


def draw_growth(curves: Mapping[str, Sequence[Entry]], file: Path) -> None:
    """Units per second by the number of units; one line per number of processes."""
    with _drawn(file, 3.2 * len(curves), 3, plots=len(curves)) as plots:
        for axes, (name, points) in zip(plots, curves.items(), strict=True):
            for processes in sorted({point["processes"] for point in points}):
                line = sorted((point["units"], point["rate"]) for point in points if point["processes"] == processes)
                axes.plot(*zip(*line, strict=True), marker="o", label=f"{processes} processes")
            axes.set_xscale("log")
            axes.set_ylim(bottom=0)
            axes.set_title(name)
            axes.set_xlabel("units")
        plots[0].set_ylabel("units per second")
        plots[0].legend()
