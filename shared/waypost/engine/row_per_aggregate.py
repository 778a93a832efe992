"""A projection with one row per aggregate: each row follows from the events of its aggregate alone.

The live consumer reads the rows of a batch, changes them in memory and writes them by set. A
rebuild of a long topic changes them in memory, and writes each row once.
"""

from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Table, Uuid, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.engine.row_sets import is_json, is_plain, quoted, rows_argument, rows_clause
from waypost.kernel.envelope import Envelope
from waypost.kernel.errors import Misconfigured, Permanent
from waypost.kernel.event import Event
from waypost.kernel.ids import TenantId
from waypost.ports.consumers import AsyncProjection

Row = Mapping[str, Any]
"""Values by column. The key is not included. An absent column is null."""
Key = tuple[TenantId, UUID]
"""Tenant and aggregate."""
RowChange = Callable[[Row | None, Envelope[Any]], Row | None]
"""The row after the event, from the row before it; None if there is no row. Returns a new row, and
does not change the given one.
"""
ColumnsOf = Callable[[Any], Row]


def put(columns: ColumnsOf) -> RowChange:
    """Adds the row, or replaces it: it has the columns that `columns` returns for the event, and
    null in every other column.
    """
    return lambda _, envelope: columns(envelope.event)


def change(columns: ColumnsOf) -> RowChange:
    """Sets the columns that `columns` returns for the event; no change if there is no row."""
    return lambda row, envelope: None if row is None else {**row, **columns(envelope.event)}


def remove(row: Row | None, envelope: Envelope[Any]) -> None:
    """The row is deleted."""


def row_per_aggregate(name: str, table: Table, changes: Mapping[type[Event], RowChange]) -> AsyncProjection:
    """The async projection `name` with one row of `table` for each aggregate.

    The primary key is `tenant_id` and the aggregate's id. A column `version` gets the version of
    the last event in `changes`. The events come from one topic, and have versions. Raises
    Misconfigured.
    """
    if len({kind.topic for kind in changes}) != 1:
        raise Misconfigured(
            f"projection {name}: an aggregate has one topic, and the events of a row come from one;"
            " declare one projection for each topic"
        )
    return AsyncProjection(name, dict.fromkeys(changes, RowPerAggregate(table, changes)), table.metadata)


class RowPerAggregate:
    """The handler of all events of such a projection."""

    def __init__(self, table: Table, changes: Mapping[type[Event], RowChange]) -> None:
        self._changes = changes
        key = [column.name for column in table.primary_key.columns]
        if len(key) != 2 or key[0] != "tenant_id":
            raise Misconfigured(
                f"table {table.name}: the primary key of a row per aggregate is tenant_id and the aggregate's id"
            )
        self._key = str(key[1])
        if unfit := [column.name for column in table.columns if not (is_plain(column) or is_json(column))]:
            raise Misconfigured(
                f"table {table.name}: a row per aggregate cannot have the types of the columns {', '.join(unfit)};"
                " declare handlers for the events instead"
            )
        self._columns = frozenset(str(column.name) for column in table.columns) - {"tenant_id", self._key}
        self._has_version = "version" in self._columns
        self._read = _read_statement(table, self._key)
        self._write = _write_statement(table, self._key)
        self._delete = _delete_statement(table, self._key)

    async def __call__(self, envelopes: Iterable[Envelope[Any]], rows: AsyncConnection) -> None:
        """Handles a batch inside its transaction."""
        events = list(envelopes)
        stored = await self.read({(each.tenant_id, each.aggregate_id) for each in events}, rows)
        await self.write(self.changed(events, stored), rows)

    def changed(self, envelopes: Iterable[Envelope[Any]], stored: Mapping[Key, Row | None]) -> dict[Key, Row | None]:
        """The rows that the events change, from the stored rows. Raises the errors of a change."""
        changed: dict[Key, Row | None] = {}
        for envelope in envelopes:
            event, _, tenant_id, aggregate_id, version, *_ = envelope
            if version == 0:
                raise Permanent(f"{event.type} has no version, which a row per aggregate needs for the order of events")
            key = (tenant_id, aggregate_id)
            before = changed[key] if key in changed else stored.get(key)
            row = self._changes[type(event)](before, envelope)
            if row is not None and self._has_version:
                row = {**row, "version": version}
            changed[key] = row
        return changed

    async def read(self, keys: Iterable[Key], rows: AsyncConnection) -> dict[Key, Row]:
        """The stored rows of these aggregates."""
        found = await rows.execute(self._read, _arrays(keys))
        return {
            (row["tenant_id"], row[self._key]): {name: row[name] for name in self._columns} for row in found.mappings()
        }

    async def write(self, changed: Mapping[Key, Row | None], rows: AsyncConnection) -> None:
        """Stores rows; None deletes a row. Raises Permanent for an unknown column."""
        if deleted := [key for key, row in changed.items() if row is None]:
            await rows.execute(self._delete, _arrays(deleted))
        # In order, so that two transactions lock rows in the same order.
        if stored := [
            self._values(key, row) for key, row in sorted(changed.items(), key=itemgetter(0)) if row is not None
        ]:
            await rows.execute(self._write, rows_argument(stored))

    def _values(self, key: Key, row: Row) -> Row:
        if unknown := row.keys() - self._columns:
            raise Permanent(f"a row per aggregate has no columns {sorted(unknown)}, or they are its key")
        return {"tenant_id": key[0], self._key: key[1], **row}


_OF_KEYS = "unnest(:tenants, :ids) as wanted (of_tenant, of_aggregate)"


def _matches(key: str) -> str:
    return f"stored.tenant_id = of_tenant and stored.{quoted(key)} = of_aggregate"


def _read_statement(table: Table, key: str) -> Any:
    columns = ", ".join(f"stored.{quoted(column.name)}" for column in table.columns)
    statement = f"select {columns} from {_OF_KEYS} join {table.name} as stored on {_matches(key)}"
    return _with_keys(statement).columns(*table.columns)


def _delete_statement(table: Table, key: str) -> Any:
    return _with_keys(f"delete from {table.name} as stored using {_OF_KEYS} where {_matches(key)}")


def _write_statement(table: Table, key: str) -> Any:
    names = ", ".join(quoted(column.name) for column in table.columns)
    others = [quoted(column.name) for column in table.columns if column.name not in ("tenant_id", key)]
    update = f"update set {', '.join(f'{name} = excluded.{name}' for name in others)}" if others else "nothing"
    return text(
        f"""
        insert into {table.name} ({names}) select {names} from {rows_clause(table)}
        on conflict (tenant_id, {quoted(key)}) do {update}"""
    )


def _with_keys(statement: str) -> Any:
    return text(statement).bindparams(bindparam("tenants", type_=ARRAY(Uuid)), bindparam("ids", type_=ARRAY(Uuid)))


def _arrays(keys: Iterable[Key]) -> Mapping[str, list[UUID]]:
    ordered = sorted(keys)
    return {"tenants": [tenant_id for tenant_id, _ in ordered], "ids": [aggregate_id for _, aggregate_id in ordered]}
