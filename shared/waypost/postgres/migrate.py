"""Brings a service's database to the newest migration (Alembic), one migrator at a time."""

from pathlib import Path

from sqlalchemy import Connection, make_url, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from waypost.project import project

# Alembic is imported where it is used: every process of a service knows this module, and only one of them pays for it.

SCHEMA_LOCK = 0x57415950  # "WAYP": held by whoever changes schemas of this database, migrations and rebuilds alike


async def migrate(service: str, owner_dsn: str, *, revision: str = "head") -> None:
    """Upgrades to `revision` in one transaction; a second migrator waits for the first. `owner_dsn` is the `<service>_owner` role's."""
    engine = create_async_engine(make_url(owner_dsn).set(drivername="postgresql+asyncpg"), poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": SCHEMA_LOCK})
            await connection.run_sync(_upgrade, service, revision)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection, service: str, revision: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_migrations(service)))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _migrations(service: str) -> Path:
    return project().services_folder / service / "migrations"


def run_in_env() -> None:
    """The body of every `migrations/env.py`: runs inside the transaction that `migrate` opened."""
    from alembic import context

    context.configure(connection=context.config.attributes["connection"])
    context.run_migrations()
