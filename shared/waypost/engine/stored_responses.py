"""Deletes the responses that are stored for Idempotency-Keys when their person is erased."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# The keys of a tenant are few: they are deleted at the end of their retention.
_FORGET = text("""
delete from idempotency_keys where exists (
    select from unnest(cast(:mentions as bytea[])) as mention where position(mention in body) > 0)""")


async def forget_responses(mentions: Iterable[UUID | str], rows: AsyncConnection) -> None:
    """Deletes the stored responses of the bound tenants that mention an id or an address. A
    repetition of such a request is then a new request.
    """
    await rows.execute(_FORGET, {"mentions": [str(mention).encode() for mention in mentions if str(mention)]})
