"""The table of the keys of people, and the projection that fills it in a service that does not
create them.

The service that creates the keys lists `PERSON_KEY_TABLES` among its tables; another one lists
`person_keys_projection` among its consumers. Both declare `Service.person_keys`.
"""

import base64
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, DateTime, LargeBinary, MetaData, PrimaryKeyConstraint, Table, Uuid, text
from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.kernel.envelope import Envelope
from waypost.ports.consumers import SECRET, AsyncProjection
from waypost.ports.person_keys import PersonKeyEvents

PERSON_KEY_TABLES = MetaData()

person_keys = Table(
    "person_keys",
    PERSON_KEY_TABLES,
    Column("tenant_id", Uuid, nullable=False),
    Column("person_id", Uuid, nullable=False),
    Column("key", LargeBinary),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("tenant_id", "person_id"),
    info=SECRET,
)
"""The key of each person; null if it was destroyed, which is final."""

# A destroyed key stays destroyed, so that repeated and reordered records change nothing.
_ADD = text("""
insert into person_keys (tenant_id, person_id, key, changed_at)
select * from unnest(
    cast(:tenants as uuid[]), cast(:people as uuid[]), cast(:keys as bytea[]), cast(:times as timestamptz[]))
on conflict (tenant_id, person_id) do nothing""")

_DESTROY = text("""
insert into person_keys (tenant_id, person_id, key, changed_at)
select tenant_id, person_id, null, changed_at from unnest(
    cast(:tenants as uuid[]), cast(:people as uuid[]), cast(:times as timestamptz[])
) as destroyed (tenant_id, person_id, changed_at)
on conflict (tenant_id, person_id) do update set key = null, changed_at = excluded.changed_at""")


def person_keys_projection(events: PersonKeyEvents) -> AsyncProjection:
    """The async projection that maintains `person_keys` from the topic of keys."""
    return AsyncProjection(
        "person_keys", {events.created: _add, events.destroyed: _destroy}, PERSON_KEY_TABLES, is_repeatable=True
    )


async def _add(created: Sequence[Envelope[Any]], rows: AsyncConnection) -> None:
    await rows.execute(
        _ADD,
        {
            "tenants": [envelope.tenant_id for envelope in created],
            "people": [envelope.event.person_id for envelope in created],
            "keys": [base64.b64decode(envelope.event.key) for envelope in created],
            "times": [envelope.event.created_at for envelope in created],
        },
    )


async def _destroy(destroyed: Sequence[Envelope[Any]], rows: AsyncConnection) -> None:
    newest = {(envelope.tenant_id, envelope.event.person_id): envelope for envelope in destroyed}.values()
    await rows.execute(
        _DESTROY,
        {
            "tenants": [envelope.tenant_id for envelope in newest],
            "people": [envelope.event.person_id for envelope in newest],
            "times": [envelope.event.destroyed_at for envelope in newest],
        },
    )
