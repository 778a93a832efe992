"""The end of a tenant while other commands add people, links and invitations to it, on real
connections. Neither order leaves a row behind, or an address in the event store.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from services.users.adapters.one_time_tokens import fresh_token
from services.users.commands import AcceptInvitation, ApproveRequest, CreatePasswordLink, Invite, Registration, SignUp
from services.users.commands.identity import ActingUser, CloseTenant
from services.users.domain import OpaqueToken, SealedToken, TenantIsClosed, TokenNotValid, email_address
from services.users.jobs import cleanup_expired
from tests.integration.users.invited import Company, company, signed_up
from tests.integration.users.service import UsersService, unique_address
from tests.integration.users.test_rows import job_of
from tests.integration.users.test_sessions import somebody_waits_for_a_lock
from waypost.kernel.ids import TenantId, new_id
from waypost.kernel.role import Role
from waypost.kernel.tenant import bound_tenants
from waypost.testing.eventually import eventually

LEFT = ("open_invitations", "verification_tokens", "password_reset_tokens", "refresh_tokens", "sessions")


def sealed(there: Company) -> SealedToken:
    token = fresh_token(TenantId(there.tenant_id))
    expires_at = there.users.clock.now() + timedelta(hours=1)
    return SealedToken(digest=token.digest, sealing_key_id="key", sealed=b"sealed", expires_at=expires_at)


def registration(there: Company, email: str) -> SignUp:
    wanted = Registration(
        user_id=new_id(),
        email=email_address(email),
        display_name="Ada",
        locale="en",
        password_hash="no hash",
        verification=sealed(there),
    )
    return SignUp(tenant_id=TenantId(there.tenant_id), registration=wanted, at=there.users.clock.now())


async def sign_up(there: Company) -> Any:
    return registration(there, unique_address())


async def sign_up_again(there: Company) -> Any:
    email = unique_address()
    await signed_up(there.users, there.tenant_id, email)
    return registration(there, email)


async def ask_to_join(there: Company) -> Any:
    await there.allow("approval")
    return registration(there, unique_address())


async def invite(there: Company) -> Any:
    return Invite(
        invitation_id=new_id(),
        tenant_id=TenantId(there.tenant_id),
        email=email_address(unique_address()),
        role=Role.MEMBER,
        locale="en",
        inviter_id=there.owner.user_id,
        token=sealed(there),
        at=there.users.clock.now(),
    )


async def approve(there: Company) -> Any:
    await there.allow("approval")
    await signed_up(there.users, there.tenant_id, unique_address())
    (waiting,) = await there.listed()
    return ApproveRequest(
        invitation_id=UUID(waiting["id"]),
        inviter_id=there.owner.user_id,
        token=sealed(there),
        at=there.users.clock.now(),
    )


async def accept(there: Company) -> Any:
    token = OpaqueToken.parse(await there.link(await there.invited(unique_address())))
    assert token is not None
    return AcceptInvitation(
        digest=token.digest,
        user_id=new_id(),
        display_name="Ada",
        locale=None,
        password_hash="no hash",
        at=there.users.clock.now(),
    )


async def mail_password_link(there: Company) -> Any:
    member = await there.member()
    return CreatePasswordLink(user_id=member.user_id, token=sealed(there), at=there.users.clock.now())


Made = Callable[[Company], Awaitable[Any]]
REFUSALS: Mapping[Made, type[Exception] | None] = {
    sign_up: None,
    sign_up_again: None,
    ask_to_join: None,
    invite: TenantIsClosed,
    approve: TenantIsClosed,
    accept: TokenNotValid,
    mail_password_link: None,
}
"""The commands, and the error of one that comes after the end; None: it has no effect."""


async def test_the_end_of_a_tenant_waits_for_what_is_added_and_ends_it(users: UsersService) -> None:
    for made in REFUSALS:
        there = await company(users, "open")
        command = await made(there)
        with bound_tenants([TenantId(there.tenant_id)]):
            async with users.bus.units.begin() as uow:
                await users.bus.execute(command, uow)
                await uow.flush()
                closing = asyncio.create_task(close(there))
                await until_it_waits_or_ends(users, closing)
        assert await closing is None, made.__name__
        await assert_nothing_is_left(there, made.__name__)


async def test_what_is_added_waits_for_the_end_of_the_tenant_and_has_no_effect(users: UsersService) -> None:
    for made, refusal in REFUSALS.items():
        there = await company(users, "open")
        command = await made(there)
        with bound_tenants([TenantId(there.tenant_id)]):
            async with users.bus.units.begin() as uow:
                await users.bus.execute(await end_of(there), uow)
                await uow.flush()
                late = asyncio.create_task(handled(there, command))
                await until_it_waits_or_ends(users, late)
        error = await late
        assert (type(error) if error else None) is refusal, (made.__name__, error)
        await assert_nothing_is_left(there, made.__name__)


async def test_the_nightly_clean_up_waits_for_the_end_of_the_tenant(users: UsersService) -> None:
    """It must not lock rows of links in another order than the end."""
    there = await company(users)
    with bound_tenants([TenantId(there.tenant_id)]):
        async with users.bus.units.begin() as uow:
            await users.bus.execute(await end_of(there), uow)
            await uow.flush()
            cleaning = asyncio.create_task(cleanup_expired(job_of(users, there.tenant_id)))
            await until_it_waits_or_ends(users, cleaning)
            assert not cleaning.done()
    assert await cleaning == 0


async def until_it_waits_or_ends(users: UsersService, task: asyncio.Task[Any]) -> None:
    async def waits_or_ended() -> bool:
        return task.done() or await somebody_waits_for_a_lock(users)

    await eventually(waits_or_ended)


async def end_of(there: Company) -> CloseTenant:
    query = "select session_id from sessions where user_id = :id"
    (session,) = await there.users.rows(there.tenant_id, query, id=there.owner.user_id)
    actor = ActingUser(user_id=there.owner.user_id, role=Role.OWNER, session_id=session["session_id"])
    return CloseTenant(tenant_id=there.tenant_id, actor=actor, at=there.users.clock.now())


async def close(there: Company) -> Exception | None:
    return await handled(there, await end_of(there))


async def handled(there: Company, command: Any) -> Exception | None:
    """The error of the command."""
    try:
        await there.users.handle(command, there.tenant_id)
    except Exception as error:  # noqa: BLE001 - the test compares it
        return error
    return None


async def assert_nothing_is_left(there: Company, made: str) -> None:
    counts = await there.users.row_counts(there.tenant_id)
    assert {table: counts[table] for table in LEFT} == dict.fromkeys(LEFT, 0), made
    payloads = await there.users.rows(
        there.tenant_id,
        "select payload from events where aggregate_type = 'invitation' and type <> 'invitation.accepted'",
    )
    assert not any(b"@example.com" in row["payload"] for row in payloads), made
