"""A process refuses a database that differs from its code, and says what differs."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import Column, MetaData, Table, Uuid

from infra.stack.places import inherited
from services.users.app import SERVICE
from tests.fixtures.forked import finished
from tests.fixtures.outbox import migrate_toolkit
from waypost.hosting.startup_checks import refuse_other_database
from waypost.kernel.errors import Misconfigured
from waypost.kernel.ids import TenantId, new_id
from waypost.kernel.tenant import NoTenantBound
from waypost.postgres.database import Database as Pool
from waypost.postgres.expected_tables import TOOLKIT_TABLES
from waypost.postgres.projection_schema import create_projection_schema
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.postgres.sql import Sql
from waypost.testing.database import Databases, connected, migrate_service

_COLUMNS = "select table_name, column_name from information_schema.columns where table_schema = 'public'"

_PRIVILEGES = """
select substr(grantee, 7) as role, lower(privilege_type) as privilege, table_name
from (
    select grantee, privilege_type, table_name from information_schema.role_table_grants where table_schema = 'public'
    union select grantee, privilege_type, table_name from information_schema.column_privileges where table_schema = 'public'
) as granted where grantee in ('users_app', 'users_relay', 'users_ops')"""


@pytest.fixture
async def where(database: Databases) -> ServiceDatabase:
    return await database("users", migrate_service)


@pytest.fixture
async def pool(where: ServiceDatabase) -> AsyncIterator[Pool]:
    opened = Pool(where.app, application_name="drift-test", pool_size=1, schemas=SERVICE.schemas)
    yield opened
    await opened.close()


async def start(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await refuse_other_database(connection, SERVICE)


async def test_a_migrated_database_is_accepted(pool: Pool) -> None:
    await start(pool)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("drop table write_offs", "table public.write_offs is missing"),
        ("alter table accounts.users drop column locale", "column accounts.users.locale is missing"),
        ("alter table dead_letters drop column unfinished", "column public.dead_letters.unfinished is missing"),
        (
            "revoke insert on write_offs from users_app",
            "role users_app may not insert on public.write_offs: grant insert",
        ),
        ("revoke update on accounts.users from users_app", "role users_app may not update on accounts.users"),
        ("revoke usage on schema accounts from users_app", "role users_app may not select on accounts.users"),
        ("revoke select on outbox from users_relay", "role users_relay may not select on public.outbox"),
        ("revoke delete on jobs from users_ops", "role users_ops may not delete on public.jobs"),
        ("drop table tenants.versions", "table tenants.versions is missing"),
        ("alter table credentials no force row level security", "table public.credentials has no forced row-level"),
        ("alter table events disable row level security", "table public.events has no forced row-level security"),
    ],
)
async def test_a_database_that_differs_is_refused(
    where: ServiceDatabase, pool: Pool, change: str, message: str
) -> None:
    async with connected(where.owner) as owner:
        await owner.execute(change)
    with pytest.raises(Misconfigured, match="differs from what this release needs") as refused:
        await start(pool)
    assert message in str(refused.value)


@pytest.mark.parametrize(("table", "line"), [("waypost_version", "waypost"), ("alembic_version", "users")])
async def test_pending_migrations_are_refused_with_the_command_to_run(
    where: ServiceDatabase, pool: Pool, table: str, line: str
) -> None:
    async with connected(where.owner) as owner:
        await owner.execute(f"delete from {table}")
    with pytest.raises(Misconfigured, match=rf"lacks migrations of {line}: 0001.*Run `waypost migrate users`"):
        await start(pool)


@pytest.mark.parametrize("table", ["waypost_version", "alembic_version"])
async def test_an_old_process_starts_on_a_database_of_a_newer_release(
    where: ServiceDatabase, pool: Pool, table: str
) -> None:
    async with connected(where.owner) as owner:
        await owner.execute(f"update {table} set version_num = '9999'")
    await start(pool)


@pytest.mark.parametrize("process", ["api", "worker", "jobs"])
async def test_a_process_ends_with_the_command_to_run(database: Databases, process: str) -> None:
    where = await database("users", migrate_toolkit)
    environment = {
        **inherited(),
        "WAYPOST_APP_DSN": where.app,
        "WAYPOST_OPS_DSN": where.ops,
        "WAYPOST_RELAY_DSN": where.relay,
        "WAYPOST_KAFKA_BOOTSTRAP": "127.0.0.1:1",
        "WAYPOST_IDEMPOTENCY_SECRET": "a secret that stays the same",
        "WAYPOST_SERVICE_PORT": "1",
        "WAYPOST_MANAGEMENT_ADDRESS": "public",
        "OTEL_TRACES_EXPORTER": "none",
    }
    ended = await finished("services.users", process, environment=environment)
    assert ended.code == 2
    assert f"users {process}: the database of users lacks migrations of users: 0001" in ended.problem
    assert "Run `waypost migrate users`" in ended.problem


async def test_the_expected_tables_are_those_of_the_toolkit(database: Databases) -> None:
    where = await database("users", migrate_toolkit)
    async with connected(where.owner) as owner:
        columns = {tuple(row) for row in await owner.fetch(_COLUMNS) if not row["table_name"].endswith("_version")}
        granted = {tuple(row) for row in await owner.fetch(_PRIVILEGES) if not row["table_name"].endswith("_version")}
        protected = await owner.fetch("select relname from pg_class where relforcerowsecurity and relrowsecurity")
    assert {(each.name, column) for each in TOOLKIT_TABLES for column in each.columns} == columns
    assert {(*privilege, each.name) for each in TOOLKIT_TABLES for privilege in each.privileges} == granted
    assert {each.name for each in TOOLKIT_TABLES if each.protected} == {row["relname"] for row in protected}


async def test_a_row_of_another_tenant_is_refused_with_its_table(pool: Pool) -> None:
    with pytest.raises(
        NoTenantBound, match="a row for table write_offs has a tenant that this transaction is not bound to"
    ):
        async with pool.transaction([TenantId(new_id())]) as connection:
            await Sql(connection).execute("insert into write_offs values ($1, $1)", new_id())


def test_a_read_table_without_a_tenant_is_refused_before_any_statement() -> None:
    tables = MetaData()
    Table("tickets", tables, Column("ticket_id", Uuid, primary_key=True))
    with pytest.raises(Misconfigured, match=r"table tickets has no column tenant_id.* info=ACROSS_TENANTS"):
        next(create_projection_schema("users", "tickets", tables))
