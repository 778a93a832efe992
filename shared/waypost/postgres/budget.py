"""Whether the server has as many connections to give as all processes of the system may open
together.
"""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.kernel.errors import Misconfigured
from waypost.project import variable

_MAX_CONNECTIONS = text("select current_setting('max_connections')::int")


async def refuse_small_server(connection: AsyncConnection, budget: int) -> None:
    """A boot check: what does not fit would be noticed at the worst moment, under load. Raises
    Misconfigured and says what to set.
    """
    there_are = await connection.scalar(_MAX_CONNECTIONS)
    if there_are < budget:
        raise Misconfigured(
            f"PostgreSQL takes {there_are} connections, and the processes that share it may open {budget}:"
            f" set max_connections = {budget} there, or, where fewer processes share it, {variable('CONNECTION_BUDGET')}",
            max_connections=there_are,
            budget=budget,
        )
