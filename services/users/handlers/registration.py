"""Becoming a user: a new tenant with its owner, a sign-up, a proved address."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from services.users.commands import OpenTenant, Registration, SignUp, VerifyEmail
from services.users.domain import Tenant, User
from services.users.handlers.one_time import keep_digest, use_up
from services.users.tables import credentials, verification_tokens
from waypost.kernel.ids import TenantId
from waypost.kernel.role import Role
from waypost.ports.unit_of_work import UnitOfWork


async def open_tenant(command: OpenTenant, uow: UnitOfWork) -> Tenant:
    tenant = Tenant.create(command.tenant_id, command.name, command.at)
    uow.add(tenant)
    owner = _registration(command.tenant_id, command.owner, Role.OWNER, command.at)
    await _hold_address(owner, command.owner, command.at, uow)
    uow.add(owner)
    await keep_digest(verification_tokens, owner, command.owner.verification, uow)
    return tenant


async def sign_up(command: SignUp, uow: UnitOfWork) -> User:
    """Where the address is taken the user given back is one that never was; who holds it may get another link."""
    tenant = await uow.load(Tenant, command.tenant_id)
    tenant.require_open()
    user = _registration(command.tenant_id, command.registration, Role.MEMBER, command.at)
    if await _hold_address(user, command.registration, command.at, uow):
        uow.add(user)
        await keep_digest(verification_tokens, user, command.registration.verification, uow)
    else:
        await _remind_holder(command, uow)
    return user


async def verify_email(command: VerifyEmail, uow: UnitOfWork) -> User:
    """Raises TokenNotValid."""
    user = await uow.load(User, await use_up(verification_tokens, command.digest, command.at, uow))
    user.verify_email(command.at)
    return user


def _registration(tenant_id: TenantId, registration: Registration, role: Role, at: datetime) -> User:
    user = User.create(
        registration.user_id,
        tenant_id,
        email=registration.email,
        display_name=registration.display_name,
        role=role,
        locale=registration.locale,
        at=at,
    )
    user.request_verification(registration.verification, at)
    return user


async def _hold_address(user: User, registration: Registration, at: datetime, uow: UnitOfWork) -> bool:
    """Takes the address for this user; False where somebody has it. The unique key decides between two who come at once."""
    held = await uow.rows.execute(
        insert(credentials)
        .values(
            tenant_id=user.tenant_id,
            user_id=user.id,
            email=user.email,
            password_hash=registration.password_hash,
            changed_at=at,
        )
        .on_conflict_do_nothing(index_elements=["tenant_id", "email"])
        .returning(credentials.c.user_id)
    )
    return held.one_or_none() is not None


async def _remind_holder(command: SignUp, uow: UnitOfWork) -> None:
    held = select(credentials.c.user_id).where(credentials.c.email == command.registration.email)
    holder = await uow.load(User, (await uow.rows.execute(held)).scalar_one())
    if holder.wants_another_link(command.at):
        holder.request_verification(command.registration.verification, command.at)
        await keep_digest(verification_tokens, holder, command.registration.verification, uow)
