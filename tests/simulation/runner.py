"""Runs many schedules on all cores, with progress, and replays one."""

import gc
import multiprocessing
import time
from collections.abc import Iterator, MutableMapping
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass

import structlog

from tests.simulation.schedule import REST_SECONDS, Result, run
from tests.simulation.world import COPIES, MAX_FAULTS

SEEDS_AT_ONCE = 100
PROGRESS_SECONDS = 10.0
GARBAGE = 50_000
"""Allocations between collections; a schedule leaves one heap of garbage at its end."""

clock = time.perf_counter
"""Taken before a schedule replaces it."""


@dataclass(slots=True)
class Totals:
    """Sums over schedules: the results of a million schedules would fill the memory."""

    schedules: int = 0
    faults: int = 0
    virtual_seconds: float = 0.0
    callbacks: int = 0
    broken: Result | None = None
    """The first schedule that broke a promise."""

    def add(self, result: Result) -> None:
        self.schedules += 1
        self.faults += result.faults
        self.virtual_seconds += result.virtual_seconds
        self.callbacks += result.callbacks
        self.broken = result if result.violations else None

    def include(self, other: "Totals") -> None:
        self.schedules += other.schedules
        self.faults += other.faults
        self.virtual_seconds += other.virtual_seconds
        self.callbacks += other.callbacks
        self.broken = self.broken or other.broken

    def shown(self, seconds: float) -> str:
        return (
            f"{self.schedules:,} schedules, {self.faults:,} faults, {self.callbacks:,} steps,"
            f" {self.virtual_seconds / 3600:,.1f} virtual hours, {self.schedules / seconds:,.0f} schedules/s"
        )


def run_all(first: int, schedules: int, workers: int) -> int:
    """Returns the exit code."""
    print(
        f"seeds {first} to {first + schedules - 1} on {workers} processes; {COPIES} copies of each kind of process,"
        f" at most {MAX_FAULTS} faults per schedule, rest within {REST_SECONDS:g} virtual seconds",
        flush=True,
    )
    totals, began = Totals(), clock()
    reported_at = began
    for chunk in _in_chunks(range(first, first + schedules), workers):
        totals.include(chunk)
        if totals.broken:
            _report(totals.broken)
            print(f"found after {totals.shown(clock() - began)}")
            return 1
        if clock() - reported_at > PROGRESS_SECONDS:
            reported_at = clock()
            print(totals.shown(reported_at - began), flush=True)
    print(f"no promise was broken: {totals.shown(clock() - began)}")
    return 0


def replay(seed: int) -> int:
    trace: list[str] = []
    _keep_logs(into=trace)
    result = run(seed, trace=trace)
    print("\n".join(trace))
    print(
        f"seed {seed}: {result.callbacks} steps, {result.faults} faults, {result.virtual_seconds:.2f} virtual seconds"
    )
    return _print_violations(result)


def _in_chunks(seeds: range, workers: int) -> Iterator[Totals]:
    chunks = [seeds[at : at + SEEDS_AT_ONCE] for at in range(0, len(seeds), SEEDS_AT_ONCE)]
    if workers == 1:
        _prepare()
        yield from map(_run_seeds, chunks)
        return
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_prepare) as pool:
        running: list[Future[Totals]] = [pool.submit(_run_seeds, chunk) for chunk in chunks]
        try:
            for done in as_completed(running):
                yield done.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _prepare() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50), cache_logger_on_first_use=True)
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE, 50, 50)


def _run_seeds(seeds: range) -> Totals:
    """Runs the schedules up to the first broken promise."""
    totals = Totals()
    for seed in seeds:
        totals.add(run(seed))
        if totals.broken:
            break
    return totals


def _report(result: Result) -> None:
    print(f"\nseed {result.seed} breaks a promise after {result.virtual_seconds:.2f} virtual seconds:")
    _print_violations(result)
    print(f"replay it, with every step: make simulate REPLAY={result.seed}", flush=True)


def _print_violations(result: Result) -> int:
    for violation in result.violations:
        print(f"  {violation}")
    return 1 if result.violations else 0


def _keep_logs(*, into: list[str]) -> None:
    """Writes what the engine logs among the steps."""

    def keep(_: object, level: str, event: MutableMapping[str, object]) -> str:
        error = event.pop("exc_info", None)
        text = " ".join(f"{name}={value}" for name, value in event.items())
        into.append(f"            log {level}: {text}{f' {error!r}' if error else ''}")
        raise structlog.DropEvent

    structlog.configure(processors=[keep])
