"""A club with its topic and its database, for one test."""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import text

from infra.postgres.databases import ServiceDatabase
from shared.kernel.ids import TenantId
from shared.postgres.database import Database as Pool
from tests.fixtures.club import Club, Topic, club, migrate, opened, topic
from tests.fixtures.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Everything a consumer needs, and a look at what it did."""

    bootstrap: str
    club: Club
    topic: Topic
    database: ServiceDatabase
    pool: Pool

    async def rows(self, statement: str, *tenants: TenantId, **parameters: Any) -> list[tuple[Any, ...]]:
        async with self.pool.transaction(tenants) as connection:
            return [tuple(row) for row in await connection.execute(text(statement), parameters)]


@pytest.fixture
async def stage(kafka: str, database: Database) -> AsyncIterator[Stage]:
    own = club(f"club-{secrets.token_hex(6)}")
    made = await database("club", migrate)
    async with topic(kafka, own) as opened_topic, opened(made.app) as pool:
        yield Stage(bootstrap=kafka, club=own, topic=opened_topic, database=made, pool=pool)
