"""The rows and versions of one partition in the memory of a rebuild."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from uuid import UUID

from waypost.engine.consumer.guard import Decision, Guard
from waypost.engine.consumer.message import Message
from waypost.engine.row_per_aggregate import Key, Row, RowPerAggregate
from waypost.ports.rebuild import ShadowTransaction

TENANTS_AT_ONCE = 100
"""Tenants of one statement: the policy compares each row with every bound tenant."""

_IN_ORDER = frozenset((Decision.HANDLED, Decision.STALE))


class MemoryRows:
    """Rows and versions after the records so far. Those of other aggregates may be stored."""

    def __init__(self, rows: RowPerAggregate) -> None:
        self._of_projection = rows
        self._versions: dict[UUID, int] = {}
        self._rows: dict[Key, Row | None] = {}
        self._new_versions: dict[UUID, int] = {}
        self._new_rows: dict[Key, Row | None] = {}

    def __len__(self) -> int:
        """The number of aggregates."""
        return len(self._versions)

    def apply(self, messages: Sequence[Message], *, inbox_kept_since: datetime) -> bool:
        """Applies the events. Returns False, without a change, if one of them is not in order.
        Raises the errors of the projection's changes.
        """
        aggregates = {message.aggregate_id for message in messages}
        guard = Guard(
            versions={
                aggregate_id: self._versions[aggregate_id] for aggregate_id in aggregates & self._versions.keys()
            },
            parked=(),
            waiting_versions={},
            failures={},
            inbox_kept_since=inbox_kept_since,
        )
        decisions = guard.decide(messages)
        if any(decision not in _IN_ORDER for _, decision in decisions):
            return False
        changed = self._of_projection.changed(
            (message.envelope for message, made in decisions if made is Decision.HANDLED and message.envelope),
            self._rows,
        )
        self._versions |= guard.advanced
        self._new_versions |= guard.advanced
        self._rows |= changed
        self._new_rows |= changed
        return True

    def absent(self, messages: Iterable[Message]) -> set[Key]:
        """The aggregates that are not in memory."""
        keys = {(message.attributes.tenant_id, message.aggregate_id) for message in messages if message.attributes}
        return keys - self._rows.keys()

    async def read(self, keys: set[Key], topic: str, transaction: ShadowTransaction) -> None:
        """Reads stored aggregates that are not in memory."""
        unknown = {aggregate_id for _, aggregate_id in keys} - self._versions.keys()
        versions = await transaction.inbox.versions(topic, unknown)
        rows = await self._of_projection.read(keys, transaction.rows)
        self._versions |= versions
        self._rows |= {**dict.fromkeys(keys), **rows}

    async def store(self, topic: str, transaction: ShadowTransaction) -> None:
        """Stores what has changed."""
        for keys in _by_tenants(self._new_rows):
            await transaction.bind({tenant_id for tenant_id, _ in keys})
            await self._of_projection.write({key: self._new_rows[key] for key in keys}, transaction.rows)
        await transaction.inbox.advance(topic, self._new_versions)


def _by_tenants(keys: Iterable[Key]) -> Iterator[Sequence[Key]]:
    """Groups of keys with few tenants each."""
    of_tenant = [list(group) for _, group in groupby(sorted(keys), key=itemgetter(0))]
    for at in range(0, len(of_tenant), TENANTS_AT_ONCE):
        yield [key for group in of_tenant[at : at + TENANTS_AT_ONCE] for key in group]
