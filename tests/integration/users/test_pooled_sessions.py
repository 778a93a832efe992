"""A request leaves no state in the sessions of the pool: no binding of a tenant, no setting and no
lock reaches the next request (row 41 of the fault matrix; a pooler is refused, see `test_poolers`).
"""

from contextlib import AsyncExitStack

import pytest

from tests.integration.users.service import UsersService

POOL = 8
# Settings of a transaction that has ended, such as `app.tenants`, have their first value again.
STATE = """
select (select count(*) from pg_settings
        where source = 'session' and setting is distinct from coalesce(reset_val, '')) as settings,
       (select count(*) from pg_listening_channels()) as channels,
       (select count(*) from pg_locks where pid = pg_backend_pid() and locktype = 'advisory') as locks,
       (select count(*) from pg_cursors where is_holdable) as cursors"""


async def states(users: UsersService) -> list[dict[str, int]]:
    """The state of every session of the pool."""
    async with AsyncExitStack() as stack:
        sessions = [await stack.enter_async_context(users.database.autocommit()) for _ in range(POOL)]
        assert len({await session.fetchval("select pg_backend_pid()") for session in sessions}) == POOL
        return [dict(row) for session in sessions for row in await session.fetch(STATE)]


async def test_requests_leave_nothing_in_the_sessions(users: UsersService) -> None:
    grace = await users.open_tenant()
    assert (await users.sign_up(grace.tenant_id)).is_success
    assert (await users.http.get(f"/users/{grace.user_id}", headers=grace.headers)).is_success
    assert await states(users) == [{"settings": 0, "channels": 0, "locks": 0, "cursors": 0}] * POOL


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("set statement_timeout = '1s'", "settings"),
        ("listen something", "channels"),
        ("select pg_advisory_lock(1)", "locks"),
        ("declare mine cursor with hold for select 1", "cursors"),
    ],
)
async def test_state_in_a_session_is_found(users: UsersService, statement: str, kind: str) -> None:
    async with users.database.autocommit() as session:
        await session.execute(statement)
    assert sum(state[kind] for state in await states(users)) == 1
    async with users.database.autocommit() as session:
        await session.execute("discard all")
