"""Migrates a service's database with Alembic: first the toolkit's migrations, then the service's.

All migrations run in one transaction: if the process dies, the database keeps its old version. A
second migrator waits for the first.

A statement that waits for a table's lock blocks all later readers of the table, so it waits half a
second at most. Then the transaction is rolled back and tried again. PostgreSQL looks for a deadlock
after a second: a migration that waits for a request, while the request waits for the migration,
gives up first.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from waypost.kernel.backoff import Backoff
from waypost.kernel.errors import Misconfigured, Transient
from waypost.postgres.direct import CONNECT_SECONDS
from waypost.postgres.driver_failures import DEADLOCK_DETECTED, LOCK_NOT_AVAILABLE
from waypost.postgres.failures import sqlstate
from waypost.postgres.hosts import connect
from waypost.postgres.revisions import SERVICE, TOOLKIT, MigrationLine, service_line
from waypost.postgres.schema_locks import SCHEMA_LOCK, limit_locks

# Alembic is imported inside the function, because every process imports this module but only one
# migrates.

MIGRATION_IDLE_SECONDS = 30
LOCK_MILLISECONDS = 500
"""Less than `deadlock_timeout`, so that a deadlock ends no request."""
LOCK_ATTEMPTS = 20
LOCK_PAUSES = Backoff(first_seconds=0.5, factor=2.0, max_seconds=5.0)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrade:
    """The result of one run for one line of migrations."""

    owner: str
    before: str | None
    after: str | None


async def migrate(
    service: str, owner_dsn: str, *, revision: str = "head", toolkit: MigrationLine = TOOLKIT
) -> Sequence[Upgrade]:
    """Upgrades the toolkit's tables to the newest version and the service's to `revision`.

    `owner_dsn` connects as `<service>_owner`. Raises Misconfigured if a newer release migrated the
    database, and Transient if a table stays locked for about 90 seconds.
    """
    return await _migrate(service, owner_dsn, [(toolkit, "head"), (service_line(service), revision)])


async def migrate_toolkit(service: str, owner_dsn: str, *, toolkit: MigrationLine = TOOLKIT) -> Sequence[Upgrade]:
    """Upgrades only the toolkit's tables, in a database with the roles of `service`."""
    return await _migrate(service, owner_dsn, [(toolkit, "head")])


async def _migrate(service: str, owner_dsn: str, lines: Sequence[tuple[MigrationLine, str]]) -> Sequence[Upgrade]:
    arguments = {"async_creator_fn": partial(connect, owner_dsn), "timeout": CONNECT_SECONDS}
    engine = create_async_engine("postgresql+asyncpg://", poolclass=NullPool, connect_args=arguments)
    try:
        attempt = 1
        while True:
            try:
                upgrades = await _upgrade_all(engine, service, lines)
            except DBAPIError as error:
                if sqlstate(error) not in (LOCK_NOT_AVAILABLE, DEADLOCK_DETECTED):
                    raise
                if attempt == LOCK_ATTEMPTS:
                    raise Transient(
                        f"the migration of {service} changed nothing: another transaction kept a table locked during"
                        f" {attempt} attempts. Find it in pg_stat_activity (the oldest xact_start of this database),"
                        " end it, and migrate again"
                    ) from error
                log.warning("migration_waits_for_lock", service=service, attempt=attempt, error=str(error.orig))
            else:
                await _remove_remains(engine, service)
                return upgrades
            await asyncio.sleep(LOCK_PAUSES.seconds(attempt))
            attempt += 1
    finally:
        await engine.dispose()


async def _upgrade_all(
    engine: AsyncEngine, service: str, lines: Sequence[tuple[MigrationLine, str]]
) -> Sequence[Upgrade]:
    async with engine.begin() as connection:
        await connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": SCHEMA_LOCK})
        await limit_locks(connection, idle_seconds=MIGRATION_IDLE_SECONDS, lock_milliseconds=LOCK_MILLISECONDS)
        return [await connection.run_sync(_upgrade, service, line, revision) for line, revision in lines]


async def _remove_remains(engine: AsyncEngine, service: str) -> None:
    """Drops the tables of killed rebuilds, and replaced tables. In a separate transaction, because
    a reader of such a table must not block a release.
    """
    from waypost.postgres.rebuild.schemas import remove_remains_or_warn

    await remove_remains_or_warn(engine, service)


def _upgrade(connection: Connection, service: str, line: MigrationLine, revision: str) -> Upgrade:
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    before = _current(connection, line)
    if not line.knows(before):
        raise Misconfigured(
            f"the database of {service} is at version {before} of {line.owner}, which this release does not have"
            f" (its newest is {line.revisions[-1]}): a newer release migrated it. Run that release, or a newer one;"
            " to go back, restore a backup from before its migration"
        )
    scripts = ScriptDirectory(str(line.folder))
    options: dict[str, Any] = {"version_table": line.version_table, SERVICE: service}
    with EnvironmentContext(Config(), scripts, fn=lambda at, _: scripts._upgrade_revs(revision, at)) as environment:
        environment.configure(connection=connection, **options)
        environment.run_migrations()
    connection.execute(text(f"grant select on {line.version_table} to {service}_app, {service}_ops"))
    return Upgrade(owner=line.owner, before=before, after=_current(connection, line))


def _current(connection: Connection, line: MigrationLine) -> str | None:
    """The current version of the database. None before the first migration."""
    if connection.scalar(text("select to_regclass(:name)"), {"name": line.version_table}) is None:
        return None
    version: str | None = connection.scalar(text(f"select version_num from {line.version_table}"))
    return version
