"""`Database.transaction` alone begins and ends a transaction. SQLAlchemy's methods for that send
nothing to a server in autocommit mode, so they are refused.
"""

from typing import Any, NoReturn

from sqlalchemy import Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine


def refuse_other_ends(engine: AsyncEngine) -> None:
    """Refuses `commit` and `rollback` of a connection inside the transaction. A connection that is
    closed inside it leaves the pool, and the server rolls back.
    """
    event.listen(engine.sync_engine, "commit", _refuse)
    event.listen(engine.sync_engine, "rollback", _refuse_inside)
    event.listen(engine.sync_engine, "reset", _refuse_open)


def _refuse(connection: Connection) -> NoReturn:
    raise RuntimeError("the transaction commits at the end of its block: leave the block instead of calling commit()")


def _refuse_inside(connection: Connection) -> None:
    if not connection.invalidated and _is_in_transaction(connection.connection.driver_connection):
        raise RuntimeError("rollback() does not end this transaction: raise an error, so that its block rolls back")


def _refuse_open(dbapi_connection: Any, record: Any, reset_state: Any) -> None:
    # The pool drops a connection whose reset fails.
    if _is_in_transaction(dbapi_connection.driver_connection):
        raise RuntimeError("the connection was closed inside its transaction")


def _is_in_transaction(raw: Any) -> bool:
    return not raw.is_closed() and bool(raw.is_in_transaction())
