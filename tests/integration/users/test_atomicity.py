"""A request is atomic, and work without a tenant is refused."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from services.users.commands import OpenTenant, Registration, SignUp
from services.users.domain import JoinPolicy, SealedToken, email_address
from tests.integration.users.service import PASSWORD, UsersService, unique_address
from waypost.kernel.ids import TenantId, new_id
from waypost.kernel.tenant import NoTenantBound, bound_tenants
from waypost.testing.database import connected


@asynccontextmanager
async def broken_outbox(users: UsersService) -> AsyncIterator[None]:
    """The outbox insert is the last statement of a request: all other writes precede it."""
    async with connected(users.where.owner) as owner:
        await owner.execute("revoke insert on outbox from users_app")
        try:
            yield
        finally:
            await owner.execute("grant insert on outbox to users_app")


async def test_a_rolled_back_request_leaves_nothing(users: UsersService) -> None:
    owner = await users.open_tenant()
    before = await users.row_counts(owner.tenant_id)
    body = {"tenant_id": str(owner.tenant_id), "email": unique_address(), "password": PASSWORD, "display_name": "Ada"}
    headers = {"idempotency-key": "the-same-on-every-try"}

    async with broken_outbox(users):
        failed = await users.http.post("/signup", json=body, headers=headers)
    assert (failed.status_code, await users.row_counts(owner.tenant_id)) == (500, before)

    tried_again = await users.http.post("/signup", json=body, headers=headers)
    assert tried_again.status_code == 201
    after = await users.row_counts(owner.tenant_id)
    assert {table: after[table] - before[table] for table in after if after[table] != before[table]} == {
        "events": 2,
        "outbox": 3,
        "users": 1,
        "person_keys": 1,
        "credentials": 1,
        "verification_tokens": 1,
        "idempotency_keys": 1,
    }


class Undone(Exception):
    """An error after all writes."""


async def test_a_rollback_after_its_events_were_written_publishes_nothing(users: UsersService) -> None:
    owner = await users.open_tenant()
    before = await users.row_counts(owner.tenant_id)
    with bound_tenants([TenantId(owner.tenant_id)]), pytest.raises(Undone):
        async with users.bus.units.begin() as uow:
            await users.bus.execute(sign_up(users, owner.tenant_id), uow)
            await uow.flush()
            raise Undone
    assert await users.row_counts(owner.tenant_id) == before


async def test_a_failed_verification_leaves_the_token_usable(users: UsersService) -> None:
    owner = await users.open_tenant()
    token = await users.mailed_token(owner.tenant_id, owner.user_id)
    async with broken_outbox(users):
        assert (await users.verify(token)).status_code == 500
    assert (await users.verify(token)).status_code == 200


async def test_work_without_a_tenant_is_refused(users: UsersService) -> None:
    owner = await users.open_tenant()
    with pytest.raises(NoTenantBound):
        await users.bus.handle(sign_up(users, owner.tenant_id))


async def test_a_transaction_of_one_tenant_cannot_write_anothers_rows(users: UsersService) -> None:
    owner, stranger = await users.open_tenant(), await users.open_tenant()
    before = await users.row_counts(stranger.tenant_id)
    elsewhere = TenantId(stranger.tenant_id)
    person = sign_up(users, elsewhere)
    wanted = OpenTenant(
        tenant_id=elsewhere, name="Engines", owner=person.registration, join_policy=JoinPolicy(), at=person.at
    )
    with bound_tenants([TenantId(owner.tenant_id)]), pytest.raises(Exception, match="not bound to"):
        await users.bus.handle(wanted)
    assert await users.row_counts(stranger.tenant_id) == before


async def test_row_security_isolates_tenants(users: UsersService) -> None:
    owner = await users.open_tenant()
    async with connected(users.where.app) as unbound:
        for table in (
            "events",
            "users",
            "credentials",
            "verification_tokens",
            "password_reset_tokens",
            "refresh_tokens",
            "open_invitations",
            "invitations",
        ):
            assert await unbound.fetchval(f"select count(*) from {_schema(table)}.{table}") == 0
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await unbound.execute(
                "insert into credentials values ($1, $2, 'x@example.com', '', now())", owner.tenant_id, uuid4()
            )
    async with connected(users.where.ops) as operator:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await operator.fetchval("select count(*) from credentials")
    await users.database.verify()


def sign_up(users: UsersService, tenant_id: UUID, email: str | None = None) -> SignUp:
    at = users.clock.now()
    token = SealedToken(digest=b"", sealing_key_id="none", sealed=b"", expires_at=at + timedelta(days=1))
    registration = Registration(
        user_id=new_id(),
        email=email_address(email or unique_address()),
        display_name="Ada",
        locale="en",
        password_hash="",
        verification=token,
    )
    return SignUp(tenant_id=TenantId(tenant_id), registration=registration, at=at)


def _schema(table: str) -> str:
    return {"users": "accounts", "invitations": "invitations"}.get(table, "public")
