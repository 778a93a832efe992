"""The part of a database that an operator's queries use.

A process has a pool (`Database`). A command that only reads opens one session
(`waypost.postgres.read_session`), without the pool and without SQLAlchemy, whose import costs more
than the queries.
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import asyncpg


class Fetches(Protocol):
    async def fetch(self, statement: str, *arguments: object) -> Sequence[asyncpg.Record]: ...


class Statements(Fetches, Protocol):
    """Statements inside one open transaction."""

    async def fetchrow(self, statement: str, *arguments: object) -> asyncpg.Record | None: ...

    async def execute(self, statement: str, *arguments: object) -> str: ...


class Reads(Fetches, Protocol):
    async def fetch(self, statement: str, *arguments: object) -> Sequence[asyncpg.Record]:
        """One query in its own transaction, bound to no tenant. Raises Transient."""
        ...

    def statements(self) -> AbstractAsyncContextManager[Statements]:
        """Several statements in one transaction, bound to no tenant. Raises Transient."""
        ...
