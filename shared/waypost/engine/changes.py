"""Projection handlers that update columns of one row, the most common effect of an event."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Table, bindparam, update
from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.ports.consumers import ProjectionHandler


def changes(table: Table, key: Column[Any], columns: Callable[[Any], Mapping[str, object]]) -> ProjectionHandler:
    """A handler that sets the columns that `columns` returns for each event, in the row with `key`
    equal to the aggregate's id; also `version`, if the table has it.
    """

    async def change(envelopes: Sequence[Envelope[Event]], rows: AsyncConnection) -> None:
        values = [{**columns(envelope.event), **_version(table, envelope)} for envelope in envelopes]
        statement = (
            update(table)
            .where(table.c.tenant_id == bindparam("of_tenant"), key == bindparam("of_aggregate"))
            .values({name: bindparam(f"new_{name}") for name in values[0]})
        )
        await rows.execute(
            statement,
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
