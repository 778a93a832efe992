"""`bench/results/latest.json`: the newest figures of each row."""

import json
import os
import platform
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from bench.frame.rounds import CONTROL, Measured, Samples, control_of, is_quiet
from bench.frame.row import CPU, OURS, Goal, Measure, Row, Sample
from bench.frame.statistics import ratio_of_pairs

FOLDER = Path(__file__).parents[1] / "results"
LATEST = FOLDER / "latest.json"
Entry = dict[str, Any]


def read(file: Path = LATEST) -> dict[str, Entry]:
    return dict(json.loads(file.read_text())) if file.exists() else {}


def write(entries: Mapping[str, Entry], file: Path = LATEST) -> None:
    """Replaces the entries of these rows and keeps the others."""
    file.parent.mkdir(exist_ok=True)
    merged = {**read(file), **entries}
    ordered = dict(sorted(merged.items(), key=lambda item: place_of(item[0])))
    file.write_text(json.dumps(ordered, indent=2, ensure_ascii=False) + "\n")


def place_of(row: str) -> tuple[int | str, ...]:
    """B2 before B10, B3-100us before B3-1000us."""
    return tuple(int(part) if part.isdigit() else part for part in re.findall(r"\d+|\D+", row))


def entry_of(row: Row, measured: Measured) -> Entry:
    samples = measured.samples
    headline, *further = [_judged(goal, samples) for goal in row.goals]
    control = None if row.once else round(control_of(row, samples), 3)
    peer = headline["arm"]
    return {
        **headline,
        "cpu_ours": _rounded(_median(CPU.of, samples[OURS])),
        "cpu_peer": _rounded(_median(CPU.of, samples[peer])) if peer else None,
        "cpu_unit": "µs of CPU per " + row.unit,
        "work": row.work,
        "unit": row.unit,
        "further": further,
        "arms": {name: _arm(row.goals[0], samples, name) for name in samples if name != CONTROL},
        "control": control,
        "quiet": control is None or is_quiet(control),
        "rounds": len(samples[OURS]),
        "units_per_round": samples[OURS][0].units,
        "durability": dict(measured.durability),
        "command": f"make bench ROW={row.id}",
        "row_seconds": measured.seconds,
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
    }


def _judged(goal: Goal, samples: Samples) -> Entry:
    others = [name for name in samples if name not in (goal.arm, CONTROL)]
    peer = goal.to or (others[0] if others else None)
    ours = _median(goal.measure.of, samples[goal.arm])
    compared: Entry = _ratio(goal.measure, samples, goal.arm, peer) if peer else {"ratio": None, "interval": None}
    return {
        "measure": goal.measure.name,
        "measure_unit": goal.measure.unit,
        "arm": peer,
        "ours": _rounded(ours),
        "peer": _rounded(_median(goal.measure.of, samples[peer])) if peer else None,
        **compared,
        "goal": str(goal),
        "bound": goal.bound,
        "relative": goal.relative,
        "higher_is_better": goal.measure.higher_is_better,
        "met": goal.is_met(compared["ratio"] if goal.relative else ours),
    }


def _arm(headline: Goal, samples: Samples, name: str) -> Entry:
    """One arm's own figures, and ours divided by them."""
    measured, cpu = samples[name], _ratio(CPU, samples, OURS, name)
    further = {key: _rounded(median(sample.further[key] for sample in measured)) for key in measured[0].further}
    return {
        headline.measure.name: _rounded(_median(headline.measure.of, measured)),
        "cpu": _rounded(_median(CPU.of, measured)),
        **({} if name == OURS else {**_ratio(headline.measure, samples, OURS, name), "cpu_ratio": cpu["ratio"]}),
        **further,
    }


def _ratio(measure: Measure, samples: Samples, first: str, second: str) -> Entry:
    """The interval of a single run is unknown."""
    ratio = ratio_of_pairs(*([measure.of(sample) for sample in samples[name]] for name in (first, second)))
    several = len(samples[first]) > 1
    return {
        "ratio": round(ratio.median, 3),
        "interval": [round(ratio.low, 3), round(ratio.high, 3)] if several else None,
    }


def _median(of: Callable[[Sample], float], samples: Sequence[Sample]) -> float:
    return median(map(of, samples))


def _rounded(figure: float) -> float:
    """Four significant digits."""
    return float(f"{figure:.4g}")
