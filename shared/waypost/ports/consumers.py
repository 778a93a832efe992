"""How a service declares what it does with events; the tables at the foot of its `handlers` and
`projections`.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import MetaData
from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.kernel.envelope import Envelope
from waypost.kernel.errors import Misconfigured
from waypost.kernel.event import Event
from waypost.ports.unit_of_work import UnitOfWork

ProjectionHandler = Callable[[Sequence[Envelope[Any]], AsyncConnection], Awaitable[None]]
"""Takes events of one type; columns come from the events alone (no clock, no new ids), so that a
replay gives the same rows.
"""

ReactorHandler = Callable[[Envelope[Any], UnitOfWork], Awaitable[None]]
"""Takes one event, in a transaction of its own; decides, records, enqueues. The edge commits."""


class ConsumerKind(StrEnum):
    """As operators see it, in JSON and in the command."""

    ASYNC_PROJECTION = "async-projection"
    REACTOR = "reactor"


@dataclass(frozen=True, slots=True)
class InlineProjection:
    """Read rows of a service's own events, written in the business transaction; rebuilt from the
    event store.
    """

    name: str
    handlers: Mapping[type[Event], ProjectionHandler]
    tables: MetaData = field(compare=False)
    """They live in a schema named like the projection (`waypost.postgres.projection_schema`)."""


@dataclass(frozen=True, slots=True)
class AsyncProjection:
    """Read rows of other services' events, by whole batches; rebuilt from the topics. Handlers of
    different topics must commute.
    """

    name: str
    handlers: Mapping[type[Event], ProjectionHandler]
    tables: MetaData = field(compare=False)
    """They live in a schema named like the projection."""
    kind: ClassVar[ConsumerKind] = ConsumerKind.ASYNC_PROJECTION


@dataclass(frozen=True, slots=True)
class Reactor:
    """Commands, new events and jobs in answer to events, one message per transaction; never run by
    a rebuild.
    """

    name: str
    handlers: Mapping[type[Event], ReactorHandler]
    since: Mapping[type[Event], datetime] = field(default_factory=dict)
    """Events of that type from before then are only passed by, in order: a new consumer begins with
    the first record there is.
    """
    kind: ClassVar[ConsumerKind] = ConsumerKind.REACTOR

    def __post_init__(self) -> None:
        for kind, at in self.since.items():
            if kind not in self.handlers:
                raise Misconfigured(f"reactor {self.name}: since names {kind.__name__}, for which it has no handler")
            if at.tzinfo is None:
                raise Misconfigured(f"reactor {self.name}: since of {kind.__name__} has no time zone; times are aware")


Consumer = AsyncProjection | Reactor
"""Its consumer group is `<service>.<name>`; its topics are those of its handlers' events."""


def topics_of(consumer: Consumer) -> frozenset[str]:
    return frozenset(kind.topic for kind in consumer.handlers)
