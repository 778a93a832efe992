"""A row of the benchmark table: the same work by several arms, the goals, and the samples that an
arm returns.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from statistics import quantiles

from bench.frame.servers import Servers, postgres_and_kafka

OURS = "ours"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The result of one arm in one round."""

    units: int
    seconds: float
    """Wall time."""
    cpu_seconds: float
    """User and system time of the measured processes and their children, without the servers."""
    latencies_ms: Sequence[float] = ()
    further: Mapping[str, float] = field(default_factory=dict)
    """Other figures of the round, for example WAL bytes per job; printed as medians."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One figure of a sample."""

    name: str
    unit: str
    of: Callable[[Sample], float]
    higher_is_better: bool = False


def _percentile(hundredth: int) -> Callable[[Sample], float]:
    return lambda sample: quantiles(sample.latencies_ms, n=100)[hundredth - 1]


RATE = Measure(name="rate", unit="/s", of=lambda sample: sample.units / sample.seconds, higher_is_better=True)
CPU = Measure(name="CPU", unit="µs", of=lambda sample: sample.cpu_seconds / sample.units * 1e6)
SECONDS = Measure(name="time", unit="s", of=lambda sample: sample.seconds)
P50 = Measure(name="p50", unit="ms", of=_percentile(50))
P99 = Measure(name="p99", unit="ms", of=_percentile(99))


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A bound on a measure: at least for a rate, at most for a cost."""

    measure: Measure
    bound: float
    relative: bool = True
    """The bound is on the ratio to an arm, not on our own figure."""
    to: str | None = None
    """Name of that arm; the first peer by default."""
    arm: str = OURS
    """Name of the arm that is judged."""

    def __str__(self) -> str:
        sign = "≥" if self.measure.higher_is_better else "≤"
        unit = "×" if self.relative else f" {self.measure.unit}"
        judged = "" if self.arm == OURS else f"{self.arm}: "
        return f"{judged}{self.measure.name} {sign} {self.bound:g}{unit}"

    def is_met(self, value: float) -> bool:
        return value >= self.bound if self.measure.higher_is_better else value <= self.bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One way to do the work of a row. `run` does it once, from a state like that of every other
    round.
    """

    name: str
    run: Callable[[], Awaitable[Sample]]
    durability: Mapping[str, str] = field(default_factory=dict)
    """Settings on which the durability of the work depends; equal for all arms of a row."""
    pid: int | None = None
    """The process that does the work, if it outlives a round."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """The amount of work in each round, and the processes that share it."""

    units: int
    processes: int = 1


TIMED = Scale(units=0)
"""For rounds of a fixed time."""

Arms = Callable[[Servers, Scale], AbstractAsyncContextManager[Sequence[Arm]]]
"""Prepares the arms of a row on running servers, ours first, and ends them after the block. Runs on
uvloop, like a service.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    id: str
    work: str
    """The measured work, in one line."""
    unit: str
    """One unit of the work, in the singular: request, job, event."""
    goals: Sequence[Goal]
    """The first is the headline."""
    arms: Arms
    scale: Scale
    servers: Callable[[], AbstractAsyncContextManager[Servers]] = postgres_and_kafka
    rounds: int = 6
    """The number of rounds on a quiet machine; even, because rounds run in pairs."""
    budget_seconds: float = 50
    """No pair of rounds begins after this time, set-up included, except for the first. A row with a
    noisy control has three times as long.
    """
    once: bool = False
    """One run of each arm, without a warm-up and a control: the arm itself settles or repeats, or
    it is too long for more.
    """
    deadline_seconds: float = 420
    """The row fails after this time, its set-up included."""
    processes: Sequence[int] = ()
    """`make bench GROWTH=1` measures the row with these numbers of processes."""
    guarded: bool = False
    """A hot path: `make check-speed` compares its CPU per unit with the stored figure, and `python
    -m bench.profile` records where the time goes.
    """
