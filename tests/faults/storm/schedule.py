"""The schedule of faults, determined by the seed."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from tests.faults.storm.targets import (
    LINKS,
    LOST_TOPIC,
    OUTSIDE,
    PLATFORM,
    POINTS,
    PROCESSES,
    READ_MODELS,
    TARGETS,
    servers_of,
)


class Kind(StrEnum):
    KILL = "kill"
    """SIGKILL, at any moment."""
    POINT = "point"
    """SIGKILL at a failpoint, reached by a process that was restarted for it."""
    FREEZE = "freeze"
    """SIGSTOP, and SIGCONT after a while."""
    RESTART = "restart"
    """SIGTERM."""
    CUT = "cut"
    """A link swallows every packet and reports no error, for a while."""
    SLOW_DISK = "slow disk"
    """Each commit of the database waits for the disk, for a while."""
    CLOCK = "clock jump"
    """The clock of one process jumps, and jumps back after a while."""
    REBUILD = "rebuild"
    """A read model is rebuilt and swapped under load."""
    TOPIC_LOST = "topic lost"
    """A topic is deleted and created again; an operator's command fills it."""


KILLING = (Kind.KILL, Kind.POINT)
HEALED_BY_OPERATOR = (Kind.TOPIC_LOST,)
"""Faults that need a documented command. A report counts them apart: the other faults heal without
an intervention.
"""
_WEIGHTS = {
    Kind.KILL: 50,
    Kind.POINT: 22,
    Kind.FREEZE: 9,
    Kind.RESTART: 4,
    Kind.CUT: 12,
    Kind.SLOW_DISK: 30,
    Kind.CLOCK: 6,
    Kind.REBUILD: 8,
}
"""Weights of the kinds that a target allows."""

SLOW_DISK_TARGET = "postgres"
KILLS_PER_LOST_TOPIC = 20
SECONDS_HELD = {
    Kind.FREEZE: (0.5, 9.0),
    Kind.CUT: (1.0, 25.0),
    Kind.SLOW_DISK: (5.0, 20.0),
    Kind.CLOCK: (5.0, 40.0),
}
LONG_CUT_SECONDS = (45.0, 75.0)
LONG_CUTS = 0.15
JUMP_SECONDS = (60.0, 7200.0)
KILLED_REBUILD_SECONDS = (1.0, 6.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    number: int
    after_seconds: float
    """Seconds since the previous fault."""
    kind: Kind
    target: str
    hold_seconds: float = 0.0
    """Duration of a fault that ends by itself. Rebuild: the time after which it is killed; 0 means
    never.
    """
    point: str = ""
    """Name of a failpoint, of the peer behind a link, of a read model or a topic."""
    forgets: bool = False
    """Cut: the link never carries its old connections again, like a router that has forgotten
    them.
    """
    jump_seconds: float = 0.0
    """Clock: the offset while the fault lasts."""

    def __str__(self) -> str:
        held = f" for {self.hold_seconds:.1f} s"
        detail = {
            Kind.POINT: f" at {self.point}",
            Kind.FREEZE: held,
            Kind.CUT: f" from {self.point}{held}{', forgotten' if self.forgets else ''}",
            Kind.SLOW_DISK: held,
            Kind.CLOCK: f" by {self.jump_seconds:+.0f} s{held}",
            Kind.REBUILD: f" of {self.point}{f', killed after {self.hold_seconds:.1f} s' if self.hold_seconds else ''}",
            Kind.TOPIC_LOST: f" {self.point}",
        }.get(self.kind, "")
        return f"{self.kind} {self.target}{detail}"


def scheduled(seed: int, kills: int, platform: Sequence[str] = PLATFORM) -> Sequence[Fault]:
    """Faults with this many kills; every server of `platform`, Kafka's and PostgreSQL's, is killed
    in every storm with a kill for each. A topic is lost once per 20 kills.
    """
    dice = random.Random(f"{seed} faults")  # noqa: S311 - repeatable is what it has to be
    targets, faults, killed = _dealt(dice, kills, platform), list[Fault](), 0
    first_round = len(platform) + len(PROCESSES) + len(OUTSIDE)
    while killed < kills:
        fault = _fault(dice, next(targets), platform, first_round=len(faults) < first_round)
        killed += fault.kind in KILLING
        faults.append(fault)
    for _ in range(kills // KILLS_PER_LOST_TOPIC):
        faults.insert(dice.randrange(len(faults)), _lost_topic(dice))
    return [replace(fault, number=number) for number, fault in enumerate(faults, start=1)]


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


def _fault(dice: random.Random, target: str, platform: Sequence[str], *, first_round: bool) -> Fault:
    kinds = [Kind.KILL] if first_round and target in platform else _possible(target)
    kind = dice.choices(kinds, [_WEIGHTS[each] for each in kinds])[0]
    after_seconds = dice.uniform(0.3, 3.0)
    fault = Fault(number=0, after_seconds=after_seconds, kind=kind, target=target, hold_seconds=_held(dice, kind))
    match kind:
        case Kind.POINT:
            return replace(fault, point=dice.choice(POINTS[target]))
        case Kind.CUT:
            peers = [server for peer in LINKS[target] for server in servers_of(peer, platform)]
            return replace(fault, point=dice.choice(peers), forgets=dice.random() < 0.5)
        case Kind.CLOCK:
            return replace(fault, jump_seconds=dice.choice((-1, 1)) * dice.uniform(*JUMP_SECONDS))
        case Kind.REBUILD:
            killed_after = dice.uniform(*KILLED_REBUILD_SECONDS) if dice.random() < 0.3 else 0.0
            return replace(fault, point=dice.choice(READ_MODELS[target]), hold_seconds=killed_after)
        case _:
            return fault


def _possible(target: str) -> list[Kind]:
    allowed = {
        Kind.POINT: target in POINTS,
        Kind.CUT: target in LINKS,
        Kind.SLOW_DISK: target == SLOW_DISK_TARGET,
        Kind.CLOCK: target in PROCESSES,
        Kind.REBUILD: target in READ_MODELS,
    }
    return [kind for kind in _WEIGHTS if allowed.get(kind, True)]


def _held(dice: random.Random, kind: Kind) -> float:
    if kind not in SECONDS_HELD:
        return 0.0
    is_long = kind is Kind.CUT and dice.random() < LONG_CUTS
    return dice.uniform(*(LONG_CUT_SECONDS if is_long else SECONDS_HELD[kind]))


def _lost_topic(dice: random.Random) -> Fault:
    """Its target is the cluster; the brokers may fail meanwhile."""
    after_seconds = dice.uniform(0.3, 3.0)
    return Fault(number=0, after_seconds=after_seconds, kind=Kind.TOPIC_LOST, target="topics", point=LOST_TOPIC)
