"""The server as a component, and the databases of tests."""

import asyncpg
import pytest

from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.testing.database import Databases, connected
from waypost.testing.postgres import DatabaseServer


async def create_notes(database: ServiceDatabase) -> None:
    async with connected(database.owner) as owner:
        await owner.execute("create table notes (body text)")
        await owner.execute("grant select, insert on notes to users_app")


async def test_a_database_is_a_copy_with_tables_and_grants(database: Databases) -> None:
    first, second = await database("users", create_notes), await database("users", create_notes)
    async with connected(first.app) as app:
        await app.execute("insert into notes values ('mine')")
    async with connected(second.app) as app:
        assert await app.fetchval("select count(*) from notes") == 0


async def test_another_service_cannot_connect(database: Databases) -> None:
    users, billing = await database("users", create_notes), await database("billing", nothing)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(billing.app.replace(billing.name, users.name))


async def nothing(_: ServiceDatabase) -> None:
    """A service without tables."""


async def test_serving_roles_are_bounded_and_powerless(database: Databases) -> None:
    users = await database("users", create_notes)
    for dsn in (users.app, users.relay, users.ops):
        async with connected(dsn) as role:
            assert await role.fetchval("show idle_in_transaction_session_timeout") == "5s"
            assert await role.fetchval("show client_connection_check_interval") == "500ms"
            assert not await role.fetchval("select rolsuper or rolbypassrls from pg_roles where rolname = current_user")


async def test_the_server_ends_the_sessions_of_an_owner_that_is_gone(database: Databases) -> None:
    """A migration may run long, but its locks end with its process or its host."""
    users = await database("users", create_notes)
    async with connected(users.owner) as owner:
        assert await owner.fetchval("show client_connection_check_interval") == "500ms"
        assert await owner.fetchval("show tcp_user_timeout") == "11000"
        assert await owner.fetchval("show tcp_keepalives_idle") == "5"
        assert await owner.fetchval("show statement_timeout") == "0"


async def test_committed_rows_survive_a_kill(own_postgres: DatabaseServer) -> None:
    async with connected(own_postgres.admin_dsn) as admin:
        await admin.execute("create table kept as select 1 as fact")
    await own_postgres.kill()
    await own_postgres.start()
    async with connected(own_postgres.admin_dsn) as admin:
        assert await admin.fetchval("select fact from kept") == 1
        assert await admin.fetchval("show fsync") == "on"
