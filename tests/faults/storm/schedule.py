"""The schedule of faults, determined by the seed."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

SERVICES = ("users", "billing", "notifications")
PLATFORM = ("kafka", "postgres")
OUTSIDE = ("payments", "mail")
PROCESSES = (*(f"{service}-{process}" for service in SERVICES for process in ("api", "worker", "jobs")), "billing-live")
TARGETS = (*PLATFORM, *PROCESSES, *OUTSIDE)

_CONSUMING = ("after_poll", "after_claim", "after_effect", "after_commit", "after_offset_commit")
_WORKER = (
    *(f"relay.{key}" for key in ("after_select", "after_send", "after_ack", "after_delete")),
    *(f"consumer.{step}" for step in _CONSUMING),
)
_API = ("request.before_begin", "write.after_events", "request.after_commit", "wakeups.before_send")
_JOBS = ("jobs.after_claim", "jobs.before_outcome", "jobs.after_outcome")
_MONEY = ("billing.before_provider_request", "billing.after_provider_response", "schedule.before_commit")

POINTS: Mapping[str, Sequence[str]] = {
    **{f"{service}-worker": _WORKER for service in SERVICES},
    "users-api": _API,
    "billing-api": _API,
    "billing-jobs": (*_JOBS, *_MONEY),
    "notifications-jobs": _JOBS,
    "billing-live": tuple(f"live.{name}" for name in ("after_repartition", "after_tables", "after_changelogs")),
}
"""Failpoints that a process reaches under this load, by target."""


class Kind(StrEnum):
    KILL = "kill"
    """SIGKILL, at any moment."""
    POINT = "point"
    """SIGKILL at a failpoint, reached by a process that was restarted for it."""
    FREEZE = "freeze"
    """SIGSTOP, and SIGCONT after a while."""
    RESTART = "restart"
    """SIGTERM."""


KILLING = (Kind.KILL, Kind.POINT)
_WEIGHTS = {Kind.KILL: 60, Kind.POINT: 25, Kind.FREEZE: 10, Kind.RESTART: 5}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    number: int
    after_seconds: float
    """Seconds since the previous fault."""
    kind: Kind
    target: str
    hold_seconds: float = 0.0
    """Seconds of a freeze."""
    point: str = ""

    def __str__(self) -> str:
        detail = {Kind.POINT: f" at {self.point}", Kind.FREEZE: f" for {self.hold_seconds:.1f} s"}.get(self.kind, "")
        return f"{self.kind} {self.target}{detail}"


def scheduled(seed: int, kills: int, platform: Sequence[str] = PLATFORM) -> Sequence[Fault]:
    """Faults with this many kills; every server of `platform`, Kafka's and PostgreSQL's, is killed
    in every storm with a kill for each.
    """
    dice = random.Random(f"{seed} faults")  # noqa: S311 - repeatable is what it has to be
    targets, faults, killed = _dealt(dice, kills, platform), list[Fault](), 0
    while killed < kills:
        fault = _fault(dice, len(faults) + 1, next(targets), platform)
        killed += fault.kind in KILLING
        faults.append(fault)
    return faults


def _dealt(dice: random.Random, kills: int, platform: Sequence[str]) -> Iterator[str]:
    """Shuffles the targets in rounds, so that each has its turn; the platform is in the first
    round.
    """
    others = [target for target in TARGETS if target not in PLATFORM]
    dice.shuffle(others)
    hand = [*platform, *others[: max(kills - len(platform), 0)]]
    dice.shuffle(hand)
    yield from (*hand, *others[max(kills - len(platform), 0) :])
    while True:
        deck = [*platform, *PROCESSES, *OUTSIDE]
        dice.shuffle(deck)
        yield from deck


def _fault(dice: random.Random, number: int, target: str, platform: Sequence[str]) -> Fault:
    kind = dice.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
    first_turn_of_platform = target in platform and number <= len(TARGETS)
    if first_turn_of_platform or (kind is Kind.POINT and target not in POINTS):
        kind = Kind.KILL
    return Fault(
        number=number,
        after_seconds=dice.uniform(0.3, 3.0),
        kind=kind,
        target=target,
        hold_seconds=dice.uniform(0.5, 9.0) if kind is Kind.FREEZE else 0.0,
        point=dice.choice(POINTS[target]) if kind is Kind.POINT else "",
    )
