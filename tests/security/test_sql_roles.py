"""No role reads or writes a row of a tenant to which its transaction is not bound, and no role that
serves can get more rights. Roles, tables and columns come from the catalogue.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID, uuid4

import asyncpg
import pytest

from tests.security.counts import COUNTS
from tests.security.rows import rows_of, superuser_dsn
from tests.security.statements import (
    MALFORMED,
    REFUSED,
    SERVING,
    TenantTable,
    bindings,
    copied_row,
    escalations,
    insertion,
    random_binding,
    tenant_tables,
    writes,
)
from tests.security.target import Target
from waypost.postgres.provisioning.roles import DatabaseRole, role_name
from waypost.testing.database import connected


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    target: Target
    superuser: asyncpg.Connection
    tables: Sequence[TenantTable]
    dsn: str

    @property
    def victim(self) -> UUID:
        return self.target.tenant_id

    @asynccontextmanager
    async def session(self, role: DatabaseRole) -> AsyncIterator[asyncpg.Connection]:
        async with connected(getattr(self.target.where, role.value)) as session:
            yield session

    def guarded(self, role: DatabaseRole) -> Sequence[TenantTable]:
        """Tables in which no policy of its own shows the role all rows."""
        name = role_name(self.target.name, role)
        return [table for table in self.tables if name not in table.of_roles]


@pytest.fixture
async def scene(target: Target, postgres: str) -> AsyncIterator[Scene]:
    dsn = superuser_dsn(postgres, target.where)
    async with connected(dsn) as superuser:
        yield Scene(target=target, superuser=superuser, tables=await tenant_tables(superuser), dsn=dsn)


@asynccontextmanager
async def rolled_back(session: asyncpg.Connection, binding: str | None) -> AsyncIterator[None]:
    await session.execute("begin")
    try:
        if binding is not None:
            await session.execute("select set_config('app.tenants', $1, true)", binding)
        yield
    finally:
        await session.execute("rollback")


async def other_tenant_of(scene: Scene) -> UUID:
    """Another tenant with rows, or any other id."""
    for table in scene.tables:
        query = f"select tenant_id from {table.name} where tenant_id <> $1 limit 1"
        if found := await scene.superuser.fetchval(query, scene.victim):
            return UUID(str(found))
    return uuid4()


async def affected(session: asyncpg.Connection, statement: str, *values: object) -> int:
    """The number of rows, 0 if the statement is refused."""
    try:
        status = await (session.execute(statement, *values) if values else session.execute(statement))
    except asyncpg.PostgresError as error:
        assert error.sqlstate in (REFUSED, MALFORMED), f"{statement}: {error.sqlstate} {error}"
        return 0
    return int(status.rpartition(" ")[2])


@pytest.mark.parametrize("role", list(DatabaseRole))
async def test_no_binding_but_the_tenants_own_opens_its_rows(scene: Scene, role: DatabaseRole) -> None:
    before, attempts = await rows_of(scene.dsn, scene.victim), 0
    rows = {table.name: await copied_row(scene.superuser, table, scene.victim) for table in scene.tables}
    other = await other_tenant_of(scene)
    async with scene.session(role) as session:
        for name, binding in bindings(scene.victim, other).items():
            for table in scene.guarded(role):
                inserts = [insertion(table), insertion(table, on_conflict="on conflict do nothing")]
                for statement in (
                    f"select 1 from {table.name} where tenant_id = '{scene.victim}'",
                    *(statement for _, statement in writes(table, scene.victim)),
                ):
                    if " where " not in statement and binding is not None and str(other) in binding:
                        continue  # these are the other tenant's own rows
                    async with rolled_back(session, binding):
                        assert await affected(session, statement) == 0, (role, name, statement)
                    attempts += 1
                for statement in inserts:
                    async with rolled_back(session, binding):
                        assert await affected(session, statement, rows[table.name]) == 0, (role, name, statement)
                    attempts += 1
    assert (await rows_of(scene.dsn, scene.victim)) == before
    assert attempts > 100 or not scene.guarded(role)


@pytest.mark.parametrize("role", [DatabaseRole.APP])
async def test_the_tenants_own_binding_opens_them(scene: Scene, role: DatabaseRole) -> None:
    """Otherwise the attempts would prove nothing."""
    name, seen = role_name(scene.target.name, role), 0
    async with scene.session(role) as session, session.transaction():
        await session.execute("select set_config('app.tenants', $1, true)", str(scene.victim))
        for table in scene.tables:
            if table.may(name, "select"):
                query = f"select count(*) from {table.name}"
                count = await session.fetchval(query)
                assert count == await scene.superuser.fetchval(f"{query} where tenant_id = $1", scene.victim), (
                    table.name
                )
                seen += count
    assert seen > 5


@pytest.mark.parametrize("role", [DatabaseRole.APP, DatabaseRole.OPS])
async def test_a_binding_ends_with_its_transaction(scene: Scene, role: DatabaseRole) -> None:
    name = role_name(scene.target.name, role)
    async with scene.session(role) as session:
        for end in ("commit", "rollback"):
            for table in scene.guarded(role):
                if table.may(name, "select"):
                    await session.execute("begin")
                    await session.execute("select set_config('app.tenants', $1, true)", str(scene.victim))
                    await session.execute(end)
                    assert await session.fetchval(f"select count(*) from {table.name}") == 0, (table.name, end)


@pytest.mark.parametrize("role", [DatabaseRole.APP, DatabaseRole.OPS])
async def test_random_bindings_open_nothing(scene: Scene, role: DatabaseRole) -> None:
    """One statement counts and writes in every table of the role that it may read and write."""
    name, choice = role_name(scene.target.name, role), COUNTS.choice(f"{scene.target.name} {role}")
    readable, updated, deleted = (
        [table.name for table in scene.guarded(role) if table.may(name, "select") and table.may(name, verb)]
        for verb in ("select", "update", "delete")
    )
    statements = [
        _sum("select 1 from {}", readable),
        _sum("update {} set tenant_id = tenant_id returning 1", updated),
        _sum("delete from {} returning 1", deleted),
    ]
    attempts = 0
    async with scene.session(role) as session:
        while attempts < COUNTS.statements // 2:
            binding = random_binding(choice, scene.victim)
            for statement in filter(None, statements):
                async with rolled_back(session, binding):
                    try:
                        assert await session.fetchval(statement) == 0, (binding, statement)
                    except asyncpg.InvalidTextRepresentationError:
                        """The binding is not a list of ids, and the statement reads nothing."""
            attempts += max(1, len(readable) + len(updated) + len(deleted))
    print(f"{scene.target.name} {role}: {attempts:,} reads and writes under random bindings, 0 rows")


def _sum(statement: str, tables: Sequence[str]) -> str:
    if not tables:
        return ""
    parts = ", ".join(f"t{at} as ({statement.format(table)})" for at, table in enumerate(tables))
    return f"with {parts} select " + " + ".join(f"(select count(*) from t{at})" for at in range(len(tables)))


@pytest.mark.parametrize("role", SERVING)
async def test_a_role_that_serves_cannot_get_more_rights(scene: Scene, role: DatabaseRole) -> None:
    name = role_name(scene.target.name, role)
    others = [
        row["rolname"]
        for row in await scene.superuser.fetch(
            "select rolname from pg_roles where not rolsuper and rolname not like 'pg\\_%' and rolname <> $1", name
        )
    ]
    superuser = await scene.superuser.fetchval("select current_user")
    allowed = []
    async with scene.session(role) as session:
        for statement in escalations(scene.tables, superuser, others):
            async with rolled_back(session, None):
                try:
                    await session.execute(statement)
                except (asyncpg.PostgresError, asyncpg.InterfaceError):
                    continue
            allowed.append(statement)
    assert allowed == []
