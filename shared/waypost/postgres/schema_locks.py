"""The locks of transactions that change the schemas of a database: migrations and rebuilds."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # commands that only read need the number, and not SQLAlchemy
    from sqlalchemy.ext.asyncio import AsyncConnection

SCHEMA_LOCK = 0x57415950
"""The advisory lock of migrations and rebuilds ("WAYP")."""


async def limit_locks(connection: "AsyncConnection", *, idle_seconds: int, lock_milliseconds: int = 2000) -> None:
    """Limits how long this transaction waits for a lock, and how long it holds its locks if its
    process freezes. The owner's role has no limits.
    """
    await connection.exec_driver_sql(f"set local lock_timeout = '{lock_milliseconds}ms'")
    await connection.exec_driver_sql(f"set local idle_in_transaction_session_timeout = '{idle_seconds}s'")
