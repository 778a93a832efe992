"""A process refuses a database in which one of its roles could pass row-level security, and says
which statement repairs it.
"""

import re
from collections.abc import AsyncIterator

import asyncpg
import pytest
import structlog

from services.users.app import SERVICE
from waypost.hosting.startup_checks import refuse_other_database
from waypost.kernel.errors import Misconfigured
from waypost.postgres.database import Database as Pool
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.postgres.provisioning.roles import LIMITS, LIVENESS
from waypost.postgres.role_drift import _changed
from waypost.testing.database import Databases, connected

INVOKER = (
    "create view seen with (security_invoker = {}) as select * from accounts.users; grant select on seen to users_ops"
)
DEFINER = "create function {}() returns bigint language sql security definer as 'select count(*) from accounts.users'"

CHANGES = {
    "truncate": ("grant truncate on accounts.users to users_app", "may truncate accounts.users"),
    "truncate for everyone": ("grant truncate on credentials to public", "users_relay may truncate public.credentials"),
    "trigger": ("grant trigger on credentials to users_app", "may trigger public.credentials"),
    "references": ("grant references on credentials to users_ops", "users_ops may references public.credentials"),
    "references of a column": ("grant references (tenant_id) on events to users_app", "may references public.events"),
    "schema": ("grant create on schema public to users_app", "users_app may create objects in schema public"),
    "ownership": ("alter table credentials owner to users_app", "users_app owns public.credentials"),
    "view": ("create view seen as select * from accounts.users; grant select on seen to users_app", "view public.seen"),
    "view with the option off": (INVOKER.format("false"), "role users_ops reads view public.seen"),
    "writable view": (
        "create view seen as select * from accounts.users; grant update (locale) on seen to users_app",
        "users_app reads view public.seen",
    ),
    "materialized view": (
        "create materialized view seen as select * from accounts.users; grant select on seen to users_app",
        "users_app reads public.seen, which can have no policy",
    ),
    "definer function": (DEFINER.format("counted"), r"may execute public.counted() with the rights of"),
    "definer function of a known name elsewhere": (
        DEFINER.format("accounts.delete_expired_keys"),
        "may execute accounts.delete_expired_keys()",
    ),
    "definer function of a hidden schema behind a view": (
        f"create schema hidden; {DEFINER.format('hidden.counted')};"
        " create view seen with (security_invoker = true) as select hidden.counted(); grant select on seen to users_app",
        "role users_app may execute hidden.counted()",
    ),
    "view of a hidden schema behind a view": (
        "create schema hidden; create view hidden.everyone as select * from accounts.users;"
        " create view seen with (security_invoker = true) as select * from hidden.everyone;"
        " grant select on seen, hidden.everyone to users_app",
        "role users_app reads view hidden.everyone",
    ),
    "policy": ("create policy more on credentials using (true)", "policy more on public.credentials also admits"),
    "policy for a role": (
        "create policy more on events for select to users_app using (true)",
        "policy more on public.events",
    ),
    "policy of the known name": (
        "drop policy tenants on credentials; create policy tenants on credentials using (true)",
        "policy tenants on public.credentials also admits rows to role users_app",
    ),
    "policy that checks no writes": (
        "alter policy tenants on credentials with check (true)",
        "policy tenants on public.credentials also admits",
    ),
    "time limit": (
        "alter role users_app in database {database} set statement_timeout = 0",
        "has statement_timeout = 0",
    ),
    "lock limit of the operators": (
        "alter role users_ops in database {database} set lock_timeout = '0ms'",
        "users_ops has lock_timeout = 0ms",
    ),
    "bound tenant": (
        "alter role users_app in database {database} set app.tenants = '018f0000-0000-7000-8000-000000000000'",
        "users_app has app.tenants = ",
    ),
    "search path": (
        "alter role users_app in database {database} set search_path = 'accounts'",
        "alter role users_app reset search_path",
    ),
}


@pytest.fixture
async def where(database: Databases) -> ServiceDatabase:
    return await database("users")


@pytest.fixture
async def superuser(where: ServiceDatabase, postgres: str) -> AsyncIterator[asyncpg.Connection]:
    async with connected(re.sub(r"/[^/?]+(\?|$)", rf"/{where.name}\1", postgres)) as admin:
        yield admin


async def start(where: ServiceDatabase) -> None:
    pool = Pool(where.app, application_name="role-drift", pool_size=1, schemas=SERVICE.schemas)
    try:
        async with pool.transaction() as connection:
            await refuse_other_database(connection, SERVICE)
    finally:
        await pool.close()


@pytest.mark.parametrize(("change", "message"), CHANGES.values(), ids=CHANGES)
async def test_a_way_past_row_level_security_is_refused(
    where: ServiceDatabase, superuser: asyncpg.Connection, change: str, message: str
) -> None:
    await start(where)
    await superuser.execute(change.format(database=where.name))
    with pytest.raises(Misconfigured, match="could read or change more than the rows of their tenants") as refused:
        await start(where)
    assert message in str(refused.value)
    assert re.search(r": (revoke|alter|drop) ", str(refused.value))


HIDDEN_VIEW = "create {1} hidden.{0} as select * from accounts.users; grant select on hidden.{0} to users_app"
HARMLESS = (
    INVOKER.format("true"),
    "create view currencies as select 'EUR' as code; comment on view currencies is 'across tenants';"
    " grant select on currencies to users_app",
    "create policy narrower on credentials as restrictive using (true)",
    "create policy reads on credentials for select to users_owner using (true)",
    DEFINER.format("revoked") + "; revoke execute on function revoked() from public",
    DEFINER.format("commented") + "; comment on function commented() is 'across tenants'",
    "create schema hidden",
    DEFINER.format("hidden.counted"),
    HIDDEN_VIEW.format("everyone", "view"),
    HIDDEN_VIEW.format("copied", "materialized view"),
    "alter role users_app in database {database} set work_mem = '8MB'",
    INVOKER.format("false").replace("seen", "of_extension")
    + "; grant references on of_extension to users_app; alter extension plpgsql add view of_extension",
    DEFINER.format("of_extension") + "; alter extension plpgsql add function of_extension()",
)
"""Changes that open nothing, made one after the other in one database."""


async def test_what_opens_nothing_is_accepted(where: ServiceDatabase, superuser: asyncpg.Connection) -> None:
    for change in HARMLESS:
        await superuser.execute(change.format(database=where.name))
    await start(where)


async def test_a_role_that_lifts_its_own_limits_is_found(where: ServiceDatabase) -> None:
    """PostgreSQL allows this to every role; the roles are those of all databases of the session."""
    async with connected(where.app) as app:
        await app.execute("alter role current_user set transaction_timeout = 0")
        try:
            with pytest.raises(
                Misconfigured, match=r"users_app has transaction_timeout = 0, where the provisioning sets"
            ):
                await start(where)
        finally:
            await app.execute("alter role current_user set transaction_timeout = '15s'")
    await start(where)


async def test_a_membership_in_a_stronger_role_is_refused(
    where: ServiceDatabase, superuser: asyncpg.Connection
) -> None:
    for role in ("pg_execute_server_program", "pg_read_server_files", "pg_monitor", "users_owner"):
        await superuser.execute(f"grant {role} to users_ops")
        try:
            with pytest.raises(
                Misconfigured, match=f"role users_ops is a member of {role}.*: revoke {role} from users_ops"
            ):
                await start(where)
        finally:
            await superuser.execute(f"revoke {role} from users_ops")
    await start(where)


@pytest.mark.parametrize("attribute", ["replication", "createrole"])
async def test_an_attribute_that_reaches_all_rows_is_refused(
    where: ServiceDatabase, superuser: asyncpg.Connection, attribute: str
) -> None:
    await superuser.execute(f"alter role users_ops {attribute}")
    try:
        with pytest.raises(Misconfigured, match=f"users_ops has the attribute {attribute}: alter role users_ops no"):
            await start(where)
    finally:
        await superuser.execute(f"alter role users_ops no{attribute}")
    await start(where)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("statement_timeout", "20s"),
        ("tcp_keepalives_idle", "60"),
        ("tcp_user_timeout", "0"),
        ("client_connection_check_interval", "0"),
        ("log_min_error_statement", "error"),
    ],
)
async def test_a_limit_of_another_release_is_logged(
    where: ServiceDatabase, superuser: asyncpg.Connection, setting: str, value: str
) -> None:
    """A rolling upgrade changes the roles while processes of both releases start."""
    await superuser.execute(f"alter role users_app in database {where.name} set {setting} = '{value}'")
    with structlog.testing.capture_logs() as logs:
        await start(where)
    [found] = [entry for entry in logs if entry["event"] == "role_setting_differs"]
    assert (found["role"], found["setting"], found["found"]) == ("users_app", setting, value)


def test_a_missing_limit_is_refused_and_a_missing_keep_alive_setting_is_logged() -> None:
    with structlog.testing.capture_logs() as logs:
        problems = list(_changed("users_app", LIVENESS | LIMITS, {}))
    assert {name for name in LIMITS if any(f"has no {name}," in problem for problem in problems)} == set(LIMITS)
    assert len(problems) == len(LIMITS)
    assert {(entry["setting"], entry["found"]) for entry in logs} == {(name, None) for name in LIVENESS}
