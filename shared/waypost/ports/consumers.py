"""Declarations of a service's consumers and projections, listed at the end of its `handlers` and
`projections`.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import MetaData
from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.kernel.envelope import Envelope
from waypost.kernel.errors import Misconfigured
from waypost.kernel.event import Event, is_encryptable
from waypost.ports.declared_consumer import ConsumerKind, DeclaredConsumer
from waypost.ports.unit_of_work import UnitOfWork

ProjectionHandler = Callable[[Sequence[Envelope[Any]], AsyncConnection], Awaitable[None]]
"""Handles events of one type. Column values depend on the events alone (no clock, no new ids), so
that a replay produces the same rows. An async projection writes the rows of all events with one
statement: its transaction is bound to many tenants, and the policy of a table computes their set
once per statement.
"""

ReactorHandler = Callable[[Envelope[Any], UnitOfWork], Awaitable[None]]
"""Handles one event: decides, records, enqueues. The consumer commits, often together with other
events; an error of this handler does not undo their effects.
"""


SECRET = {"secret": True}
"""`Table(..., info=SECRET)`: a table of a projection that operators may not read. The owner reads
the rows of all tenants, so that a rebuild sees which of them would be lost.
"""


@dataclass(frozen=True, slots=True)
class InlineProjection:
    """A read model of a service's own events, written in the business transaction; rebuilt from the
    event store.
    """

    name: str
    handlers: Mapping[type[Event], ProjectionHandler]
    tables: MetaData = field(compare=False)
    """The tables, in a schema named after the projection (`waypost.postgres.projection_schema`)."""

    def __post_init__(self) -> None:
        _refuse_reserved(self.name)


@dataclass(frozen=True, slots=True)
class AsyncProjection:
    """A read model of other services' events, written in batches; rebuilt from the topics. Handlers
    of different topics must commute.
    """

    name: str
    handlers: Mapping[type[Event], ProjectionHandler]
    tables: MetaData = field(compare=False)
    """The tables, in a schema named after the projection."""
    reads_personal_data: bool = True
    """False for handlers that use no personal data: encrypted events are then not decrypted, and do
    not wait for their keys.
    """
    is_repeatable: bool = False
    """True if the topics have no versions, repeated and reordered records change nothing, and no
    row is ever deleted. A record that was handled before is handled again, so that `waypost events
    republish` restores a lost row, and a rebuild that lacks a live row is refused.
    """
    kind: ClassVar[ConsumerKind] = ConsumerKind.ASYNC_PROJECTION

    def __post_init__(self) -> None:
        _refuse_reserved(self.name)


@dataclass(frozen=True, slots=True)
class Reactor:
    """Runs commands and enqueues jobs for events, one event at a time; never run by a rebuild."""

    name: str
    handlers: Mapping[type[Event], ReactorHandler]
    since: Mapping[type[Event], datetime] = field(default_factory=dict)
    """Events of the type older than this only advance the order guard. Needed because a new
    consumer starts at offset 0.
    """
    reads_personal_data: bool = True
    """As for an async projection."""
    kind: ClassVar[ConsumerKind] = ConsumerKind.REACTOR

    def __post_init__(self) -> None:
        for kind, at in self.since.items():
            if kind not in self.handlers:
                raise Misconfigured(f"reactor {self.name}: since names {kind.__name__}, for which it has no handler")
            if at.tzinfo is None:
                raise Misconfigured(
                    f"reactor {self.name}: since of {kind.__name__} has no time zone; give an aware datetime"
                )


Consumer = AsyncProjection | Reactor


def _refuse_reserved(name: str) -> None:
    """A rebuild or a migration drops the schemas `<projection>_new` and `<projection>_old`."""
    if name.endswith(("_new", "_old")):
        raise Misconfigured(
            f"projection {name}: a rebuild of {name[:-4]} uses and drops the schema of this name; give the projection"
            " a name that ends otherwise"
        )


"""The consumer group is `<service>.<name>`; the topics are those of the handlers' events."""


def decrypts(consumer: Consumer) -> bool:
    """Whether the consumer's events may have to be decrypted."""
    return consumer.reads_personal_data and any(map(is_encryptable, consumer.handlers))


def group_name(service: str, consumer: "Consumer | InlineProjection") -> str:
    """The consumer's full name: its Kafka consumer group, and its name in every row and metric."""
    return f"{service}.{consumer.name}"


def declaration_of(service: str, consumer: Consumer) -> DeclaredConsumer:
    return DeclaredConsumer(group=group_name(service, consumer), kind=consumer.kind, topics=sorted(topics_of(consumer)))


def topics_of(consumer: Consumer) -> frozenset[str]:
    """The topics that a consumer subscribes to."""
    return frozenset(kind.topic for kind in consumer.handlers)
