"""Migrates a service's database with Alembic: first the toolkit's migrations, then the service's.

All migrations run in one transaction: if the process dies, the database keeps its old version. A
second migrator waits for the first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from waypost.kernel.errors import Misconfigured
from waypost.postgres.direct import CONNECT_SECONDS
from waypost.postgres.hosts import connect
from waypost.postgres.revisions import SERVICE, TOOLKIT, MigrationLine, service_line

# Alembic is imported inside the function, because every process imports this module but only one
# migrates.

SCHEMA_LOCK = 0x57415950
"""The advisory lock of migrations and rebuilds, which change the schemas of this database ("WAYP").
"""


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
    database.
    """
    return await _migrate(service, owner_dsn, [(toolkit, "head"), (service_line(service), revision)])


async def migrate_toolkit(service: str, owner_dsn: str, *, toolkit: MigrationLine = TOOLKIT) -> Sequence[Upgrade]:
    """Upgrades only the toolkit's tables, in a database with the roles of `service`."""
    return await _migrate(service, owner_dsn, [(toolkit, "head")])


async def _migrate(service: str, owner_dsn: str, lines: Sequence[tuple[MigrationLine, str]]) -> Sequence[Upgrade]:
    arguments = {"async_creator_fn": partial(connect, owner_dsn), "timeout": CONNECT_SECONDS}
    engine = create_async_engine("postgresql+asyncpg://", poolclass=NullPool, connect_args=arguments)
    try:
        async with engine.begin() as connection:
            await connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": SCHEMA_LOCK})
            return [await connection.run_sync(_upgrade, service, line, revision) for line, revision in lines]
    finally:
        await engine.dispose()


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
