"""Startup check: the server allows as many connections as all processes of the system open
together.
"""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.kernel.errors import Misconfigured
from waypost.project import variable

_MAX_CONNECTIONS = text("select current_setting('max_connections')::int")


async def refuse_small_server(connection: AsyncConnection, budget: int) -> None:
    """Raises Misconfigured if the server allows fewer connections. Without this check the error
    would appear first under load.
    """
    allowed = await connection.scalar(_MAX_CONNECTIONS)
    if allowed < budget:
        raise Misconfigured(
            f"PostgreSQL allows {allowed} connections, but the processes that share it may open {budget}:"
            f" set max_connections = {budget} on the server, or lower {variable('CONNECTION_BUDGET')} if fewer processes share it",
            max_connections=allowed,
            budget=budget,
        )
