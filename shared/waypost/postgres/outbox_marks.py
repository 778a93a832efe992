"""Keys whose rows are held back. The relay sets marks, see `waypost.postgres.outbox_lease`; an operator takes them away."""

from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.postgres.database import driver

_UNMARK = "delete from outbox_quarantine where shard = $1 and key = $2 returning reason"


async def release_from_quarantine(connection: AsyncConnection, shard: int, key: bytes) -> str | None:
    """Why it was marked; None where it was not. The relay reads marks at every look, so that it goes on by itself."""
    reason: str | None = await (await driver(connection)).fetchval(_UNMARK, shard, key)
    return reason
