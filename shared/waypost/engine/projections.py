"""Calls the handlers of projections with groups of events. Builds the most common handler, which
updates columns of one row.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Table, Update, bindparam, update
from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.engine.row_per_aggregate import RowPerAggregate
from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.ports.consumers import ProjectionHandler


async def project(
    envelopes: Iterable[Envelope[Event]], handlers: Mapping[type[Event], ProjectionHandler], rows: AsyncConnection
) -> None:
    """Calls handlers with groups of events: of one type, or of all types with the same row per
    aggregate. Keeps the order within an aggregate; events of different aggregates may be reordered.
    Skips types without a handler. Raises a handler's error.
    """
    with_handler = (envelope for envelope in envelopes if type(envelope.event) in handlers)
    for group in grouped(with_handler, handlers):
        await handlers[type(group[0].event)](group, rows)


def grouped(
    envelopes: Iterable[Envelope[Event]], handlers: Mapping[type[Event], ProjectionHandler]
) -> Sequence[Sequence[Envelope[Event]]]:
    """Splits the events into groups for one call each. Events of one aggregate stay in order;
    events of different aggregates may be reordered.
    """
    groups: list[list[Envelope[Event]]] = []
    reached: dict[UUID, int] = {}
    latest: dict[object, int] = {}
    for envelope in envelopes:
        kind = type(envelope.event)
        handler = handlers[kind]
        together = handler if isinstance(handler, RowPerAggregate) else kind
        index = latest.get(together, -1)
        if index < reached.get(envelope.aggregate_id, 0):
            index = len(groups)
            groups.append([])
            latest[together] = index
        groups[index].append(envelope)
        reached[envelope.aggregate_id] = index
    return groups


def changes(table: Table, key: Column[Any], columns: Callable[[Any], Mapping[str, object]]) -> ProjectionHandler:
    """A handler that sets the columns that `columns` returns for each event, in the row with `key`
    equal to the aggregate's id; also `version`, if the table has it.
    """

    @cache
    def statement(names: frozenset[str]) -> Update:
        return (
            update(table)
            .where(table.c.tenant_id == bindparam("of_tenant"), key == bindparam("of_aggregate"))
            .values({name: bindparam(f"new_{name}") for name in names})
        )

    async def change(envelopes: Sequence[Envelope[Event]], rows: AsyncConnection) -> None:
        values = [{**columns(envelope.event), **_version(table, envelope)} for envelope in envelopes]
        await rows.execute(
            statement(frozenset(values[0])),
            [
                {
                    "of_tenant": envelope.tenant_id,
                    "of_aggregate": envelope.aggregate_id,
                    **{f"new_{name}": value for name, value in row.items()},
                }
                for envelope, row in zip(envelopes, values, strict=True)
            ],
        )

    return change


def _version(table: Table, envelope: Envelope[Event]) -> Mapping[str, int]:
    return {"version": envelope.aggregate_version} if "version" in table.c else {}
