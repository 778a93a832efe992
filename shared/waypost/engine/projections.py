"""Calls the handlers of projections with groups of events. Builds the most common handler, which
updates columns of an aggregate's row.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, partial
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Table, TextClause, Update, bindparam, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.engine.row_per_aggregate import RowPerAggregate
from waypost.engine.row_sets import is_plain, quoted, rows_argument, rows_clause
from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.kernel.ids import TenantId
from waypost.ports.consumers import ProjectionHandler


async def project(
    envelopes: Iterable[Envelope[Event]], handlers: Mapping[type[Event], ProjectionHandler], rows: AsyncConnection
) -> None:
    """Calls handlers with groups of events: of one type, or of all types with the same row per
    aggregate. Keeps the order within an aggregate; events of different aggregates may be reordered.
    Skips types without a handler. Raises a handler's error.
    """
    with_handler = [envelope for envelope in envelopes if type(envelope.event) in handlers]
    for group in grouped(with_handler, handlers):
        await handlers[type(group[0].event)](group, rows)


def grouped(
    envelopes: Sequence[Envelope[Event]], handlers: Mapping[type[Event], ProjectionHandler]
) -> Sequence[Sequence[Envelope[Event]]]:
    """Splits the events into groups for one call each. Events of one aggregate stay in order;
    events of different aggregates may be reordered.
    """
    kinds = {type(envelope.event) for envelope in envelopes}
    if len(kinds) == 1:
        return [envelopes]
    groups_of = {kind: handler if isinstance(handler := handlers[kind], RowPerAggregate) else kind for kind in kinds}
    groups: list[list[Envelope[Event]]] = []
    reached: dict[UUID, int] = {}
    latest_group: dict[object, int] = {}
    for envelope in envelopes:
        group_key = groups_of[type(envelope.event)]
        index = latest_group.get(group_key, -1)
        if index < reached.get(envelope.aggregate_id, 0):
            index = len(groups)
            groups.append([])
            latest_group[group_key] = index
        groups[index].append(envelope)
        reached[envelope.aggregate_id] = index
    return groups


def changes(table: Table, key: Column[Any], columns: Callable[[Any], Mapping[str, object]]) -> ProjectionHandler:
    """A handler that sets the columns that `columns` returns for each event, in the row with `key`
    equal to the aggregate's id; also `version`, if the table has it. Rows with the same columns are
    updated by one statement, if the columns are plain (`waypost.engine.row_sets`).
    """
    update_one, update_all = cache(partial(_update_one, table, key)), cache(partial(_update_all, table, key))

    async def change(envelopes: Sequence[Envelope[Event]], rows: AsyncConnection) -> None:
        newest: dict[tuple[TenantId, UUID], dict[str, object]] = defaultdict(dict)
        for envelope in envelopes:
            values = {**columns(envelope.event), **_version(table, envelope)}
            newest[envelope.tenant_id, envelope.aggregate_id].update(values)
        by_names = defaultdict(list)
        for row_key, values in newest.items():
            by_names[frozenset(values)].append((row_key, values))
        for names, changed in by_names.items():
            if len(changed) > 1 and all(is_plain(table.c[name]) for name in names):
                given = [{"tenant_id": tenant, str(key.name): id_, **new} for (tenant, id_), new in changed]
                await rows.execute(update_all(names), rows_argument(given))
            else:
                values_of = [
                    {"of_tenant": tenant, "of_aggregate": id_, **{f"new_{name}": new[name] for name in names}}
                    for (tenant, id_), new in changed
                ]
                await rows.execute(update_one(names), values_of)

    return change


def _version(table: Table, envelope: Envelope[Event]) -> Mapping[str, int]:
    return {"version": envelope.aggregate_version} if "version" in table.c else {}


def _update_one(table: Table, key: Column[Any], names: frozenset[str]) -> Update:
    return (
        update(table)
        .where(table.c.tenant_id == bindparam("of_tenant"), key == bindparam("of_aggregate"))
        .values({name: bindparam(f"new_{name}") for name in names})
    )


def _update_all(table: Table, key: Column[Any], names: frozenset[str]) -> TextClause:
    updates = ", ".join(f"{quoted(name)} = new.{quoted(name)}" for name in sorted(names))
    of_key = f"stored.tenant_id = new.tenant_id and stored.{quoted(key.name)} = new.{quoted(key.name)}"
    return text(f"update {table.name} as stored set {updates} from {rows_clause(table)} as new where {of_key}")
