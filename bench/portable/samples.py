"""The figures of the adapter, and their records in the harness's protocol: one JSON object per
line.
"""

import json
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

LATENCY_WINDOW_SECONDS = 30
SIGNIFICANT_FIGURES = 3
PERCENTILES = {"claim_p50_ms": 0.50, "claim_p95_ms": 0.95, "claim_p99_ms": 0.99}
OF_THE_SYSTEM = frozenset({"queue_depth", "producer_target_rate"})
"""Metrics that describe the whole system, so only instance 0 reports them."""


def rounded(microseconds: int) -> int:
    """The value with three significant figures, so that the number of distinct values is small."""
    superfluous = max(len(str(microseconds)) - SIGNIFICANT_FIGURES, 0)
    return round(microseconds, -superfluous)


class RecentLatencies:
    """Latencies of the last 30 s, in memory that does not grow with their number: each second has
    counts of rounded values.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seconds: deque[tuple[int, Counter[int]]] = deque()

    def record(self, microseconds: int) -> None:
        now = int(self._clock())
        if not self._seconds or self._seconds[-1][0] != now:
            self._forget(now)
            self._seconds.append((now, Counter()))
        self._seconds[-1][1][rounded(max(microseconds, 0))] += 1

    def percentiles(self, shares: Sequence[float]) -> Sequence[float]:
        """Milliseconds by nearest rank; zeros if nothing was recorded, as other adapters report."""
        self._forget(int(self._clock()))
        counts: Counter[int] = Counter()
        for _, of_second in self._seconds:
            counts.update(of_second)
        ordered, total = sorted(counts.items()), counts.total()
        return [_nearest_rank(ordered, share * total) / 1000 for share in shares]

    def _forget(self, now: int) -> None:
        while self._seconds and self._seconds[0][0] <= now - LATENCY_WINDOW_SECONDS:
            self._seconds.popleft()


def _nearest_rank(ordered: Sequence[tuple[int, int]], rank: float) -> int:
    passed = 0
    for value, count in ordered:
        passed += count
        if passed >= rank:
            return value
    return 0


@dataclass(slots=True)
class Measurements:
    """Shared by the producer, the handler and the sampler of one process."""

    work_seconds: float = 0.0
    """Time that each job takes."""
    latencies: RecentLatencies = field(default_factory=RecentLatencies)
    enqueued: int = 0
    """Jobs whose commit was acknowledged."""
    completed: int = 0
    refused: int = 0
    """Offered jobs whose transaction failed. They are not offered again."""
    depth: int = 0
    target_rate: float = 0.0


class Rates:
    """Jobs per second between two reads."""

    def __init__(self, measurements: Measurements, clock: Callable[[], float] = time.monotonic) -> None:
        self._measurements = measurements
        self._clock = clock
        self._last = clock(), measurements.enqueued, measurements.completed

    def read(self) -> tuple[float, float]:
        """Rates of enqueues and of completions since the last read."""
        before, enqueued, completed = self._last
        self._last = now, *_ = self._clock(), self._measurements.enqueued, self._measurements.completed
        seconds = max(now - before, 0.001)
        return (self._last[1] - enqueued) / seconds, (self._last[2] - completed) / seconds


def until_next(seconds: int, now: float) -> float:
    """The seconds to the next multiple of `seconds` on the wall clock: samples of all systems have
    the same times. A timer may end early, and a period of a moment has no rates: it skips to the
    one after.
    """
    remaining = seconds - now % seconds
    return remaining if remaining >= seconds / 2 else remaining + seconds


def records(
    measurements: Measurements, rates: tuple[float, float], *, instance: int, every_seconds: int
) -> Iterator[str]:
    """One line per metric."""
    latencies = measurements.latencies.percentiles(list(PERCENTILES.values()))
    values = [(name, value, float(LATENCY_WINDOW_SECONDS)) for name, value in zip(PERCENTILES, latencies, strict=True)]
    values += [
        (name, rate, float(every_seconds))
        for name, rate in zip(("enqueue_rate", "completion_rate"), rates, strict=True)
    ]
    values += [("queue_depth", float(measurements.depth), 0.0), ("producer_target_rate", measurements.target_rate, 0.0)]
    common = {"t": iso_now(), "system": "waypost", "kind": "adapter", "subject_kind": "adapter", "subject": ""}
    for metric, value, window in values:
        if metric not in OF_THE_SYSTEM or instance == 0:
            yield json.dumps({**common, "metric": metric, "value": value, "window_s": window, "instance_id": instance})


def descriptor(manifest: Mapping[str, Any], *, version: str, schema: str, database: str, instance: int) -> str:
    """The first line of an adapter. The harness compares it with `adapter.json`."""
    declared = {key: manifest[key] for key in ("system", "event_tables", "event_indexes", "extensions")}
    reported = {"version": version, "schema_version": schema, "db_name": database, "started_at": iso_now()}
    return json.dumps({"kind": "descriptor", **declared, **reported, "instance_id": instance})


def iso_now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
