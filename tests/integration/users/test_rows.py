"""Declared tables match the migrated ones; read models and their clean-up."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, delete, select, text

from schemas.users import TenantClosed, TenantCreated, TenantRenamed
from services.users.api.registration import VERIFICATION_LIFETIME
from services.users.domain import SESSION_LIFETIME, OpaqueToken, SealedToken, User
from services.users.jobs import PASSWORD_LINK_LIFETIME, cleanup_expired
from services.users.ports import JobResources
from services.users.projections import PROJECTIONS, TENANT_DIRECTORY
from services.users.tables import SECRETS, UNPUBLISHED
from services.users.tables import users as accounts
from tests.integration.users.service import UsersService
from waypost.engine.projections import project
from waypost.jobs.context import JobContext
from waypost.jobs.tenant_directory import tenant_directory
from waypost.kernel.cause import current_cause
from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.kernel.ids import EventId, JobId, TenantId, new_id
from waypost.kernel.tenant import bound_tenants
from waypost.ports.unit_of_work import UnitOfWork


async def test_migrated_tables_match_the_declared_ones(users: UsersService) -> None:
    async with users.database.transaction() as connection:
        for declared in (SECRETS, UNPUBLISHED):
            assert await connection.run_sync(_differences, declared) == []


async def test_accounts_rebuilt_from_the_event_store_are_equal(users: UsersService) -> None:
    owner = await users.open_tenant()
    member = await users.join(owner.tenant_id)
    path = f"/users/{member.user_id}"
    await users.http.patch(path, json={"display_name": "Countess", "locale": "de-AT"}, headers=owner.headers)
    await users.http.post(f"{path}/role", json={"role": "admin"}, headers=owner.headers)
    await users.http.post(f"{path}/suspend", headers=owner.headers)
    await users.http.post(f"{path}/reactivate", headers=owner.headers)
    gone = await users.join(owner.tenant_id)
    await users.http.delete(f"/users/{gone.user_id}", headers=owner.headers)
    everything = select(accounts).order_by(accounts.c.user_id)

    with bound_tenants([TenantId(owner.tenant_id)]):
        async with users.bus.units.begin() as uow:
            live = (await uow.rows.execute(everything)).all()
            await uow.rows.execute(delete(accounts))
            for user_id in (owner.user_id, member.user_id, gone.user_id):
                history = await uow.events.history(User.aggregate_type, user_id)
                await project(history, PROJECTIONS[0].handlers, uow.rows)
            assert (await uow.rows.execute(everything)).all() == live
    assert {row.display_name for row in live} == {"Grace Hopper", "Countess"}


async def test_the_directory_contains_each_tenant_with_its_status(users: UsersService) -> None:
    now, one, other = users.clock.now(), uuid4(), uuid4()
    happened = [
        _envelope(TenantCreated(tenant_id=one, name="Engines", created_at=now), 1),
        _envelope(TenantCreated(tenant_id=other, name="Looms", created_at=now), 1),
        _envelope(TenantRenamed(tenant_id=one, name="Analytical Engines", renamed_at=now), 2),
        _envelope(TenantClosed(tenant_id=other, reason="requested", closed_at=now), 2),
    ]
    async with users.database.transaction([TenantId(one), TenantId(other)]) as connection:
        await project(happened, TENANT_DIRECTORY.handlers, connection)
    async with users.database.transaction() as connection:
        rows = (await connection.execute(select(tenant_directory).order_by(tenant_directory.c.name))).all()
    assert [tuple(row) for row in rows] == [(one, "Analytical Engines", "open"), (other, "Looms", "closed")]


async def test_expired_tokens_are_deleted_per_tenant(users: UsersService) -> None:
    owner, other = await users.open_tenant(), await users.open_tenant()
    await users.forget_password(owner.tenant_id, owner.email)
    users.clock.move(PASSWORD_LINK_LIFETIME)
    assert await cleanup_expired(job_of(users, owner.tenant_id)) == 1
    users.clock.move(VERIFICATION_LIFETIME - PASSWORD_LINK_LIFETIME)
    assert await cleanup_expired(job_of(users, owner.tenant_id)) == 1
    users.clock.move(SESSION_LIFETIME - VERIFICATION_LIFETIME - timedelta(seconds=1))
    assert await cleanup_expired(job_of(users, owner.tenant_id)) == 0
    users.clock.move(timedelta(seconds=1))
    assert await cleanup_expired(job_of(users, owner.tenant_id)) == 1
    counts = await users.row_counts(other.tenant_id)
    assert (counts["verification_tokens"], counts["refresh_tokens"]) == (1, 1)


async def test_the_clean_up_leaves_rows_that_a_command_locks(users: UsersService) -> None:
    """A command that locks them in another order could not end otherwise."""
    owner = await users.open_tenant()
    await users.forget_password(owner.tenant_id, owner.email)
    await users.log_in(owner.tenant_id, owner.email, "a wrong password")
    users.clock.move(SESSION_LIFETIME)
    tables = ("sessions", "refresh_tokens", "verification_tokens", "password_reset_tokens", "sign_in_failures")
    async with users.unit_of_work(owner.tenant_id) as uow:
        for table in tables:
            assert (await uow.rows.execute(text(f"select 1 from {table} for update"))).all(), table
        async with asyncio.timeout(20):
            assert await cleanup_expired(job_of(users, owner.tenant_id)) == 0
    assert await cleanup_expired(job_of(users, owner.tenant_id)) == len(tables) - 1  # sessions are not counted
    counts = await users.row_counts(owner.tenant_id)
    assert {table: counts[table] for table in tables} == dict.fromkeys(tables, 0)


def _differences(connection: Connection, declared: MetaData) -> list[Any]:
    def ours(entity: Any, name: str | None, kind: str, reflected: bool, compared: Any) -> bool:
        return kind != "table" or name in declared.tables

    context = MigrationContext.configure(connection, opts={"include_object": ours, "compare_type": True})
    return list(compare_metadata(context, declared))


def _envelope(event: Event, version: int) -> Envelope[Event]:
    return Envelope(
        event=event,
        event_id=EventId(new_id()),
        tenant_id=TenantId(event.tenant_id),
        aggregate_id=event.tenant_id,
        aggregate_version=version,
        occurred_at=datetime(2026, 11, 25, tzinfo=UTC),
        source="/services/users",
        cause=current_cause(),
    )


class NothingToSeal:
    def seal(self, token: OpaqueToken, expires_at: datetime) -> SealedToken:
        raise AssertionError("a clean-up mails nothing")


def job_of(users: UsersService, tenant_id: Any) -> JobContext[JobResources]:
    @asynccontextmanager
    async def begin() -> AsyncIterator[UnitOfWork]:
        with bound_tenants([TenantId(tenant_id)]):
            async with users.bus.units.begin() as uow:
                yield uow

    async def report(percent: int) -> None:
        raise AssertionError("a clean-up is not watched")

    return JobContext(
        id=JobId(new_id()),
        name="cleanup_expired",
        attempt=1,
        outages=0,
        tenant_id=TenantId(tenant_id),
        enqueued_at=users.clock.now(),
        idempotency_key="nightly",
        resources=JobResources(sealer=NothingToSeal()),
        clock=users.clock,
        open_unit=begin,
        report=report,
    )
