"""Changes of single columns, the most common thing that an event does to a row."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Table, bindparam, update
from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.ports.consumers import ProjectionHandler


def changes(table: Table, key: Column[Any], columns: Callable[[Any], Mapping[str, object]]) -> ProjectionHandler:
    """A handler that sets these columns of the aggregate's row, found by `key`; and its version,
    where `table` keeps one.
    """

    async def change(happened: Sequence[Envelope[Event]], rows: AsyncConnection) -> None:
        values = [{**columns(each.event), **_version(table, each)} for each in happened]
        statement = (
            update(table)
            .where(table.c.tenant_id == bindparam("of_tenant"), key == bindparam("of_aggregate"))
            .values({name: bindparam(f"new_{name}") for name in values[0]})
        )
        await rows.execute(
            statement,
            [
                {
                    "of_tenant": each.tenant_id,
                    "of_aggregate": each.aggregate_id,
                    **{f"new_{name}": value for name, value in row.items()},
                }
                for each, row in zip(happened, values, strict=True)
            ],
        )

    return change


def _version(table: Table, envelope: Envelope[Event]) -> Mapping[str, int]:
    return {"version": envelope.aggregate_version} if "version" in table.c else {}
