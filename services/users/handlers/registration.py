"""Becoming a user: a new tenant with its owner, a sign-up, a proved address."""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from services.users.commands import OpenTenant, Registration, SignUp, VerifyEmail
from services.users.domain import Tenant, TokenNotValid, User
from services.users.handlers.one_time_tokens import consume_token, lock_token_owner, store_token_hash
from services.users.handlers.passwords import set_password
from services.users.handlers.sessions import end_sessions_of
from services.users.tables import credentials, verification_tokens
from waypost.kernel.ids import TenantId
from waypost.kernel.role import Role
from waypost.ports.unit_of_work import UnitOfWork


async def open_tenant(command: OpenTenant, uow: UnitOfWork) -> Tenant:
    tenant = Tenant.create(command.tenant_id, command.name, command.at)
    uow.add(tenant)
    owner = _new_user(command.tenant_id, command.owner, Role.OWNER, command.at)
    await _claim_address(owner, command.owner, command.at, uow)
    uow.add(owner)
    await _store_link(owner, command.owner, uow)
    return tenant


async def sign_up(command: SignUp, uow: UnitOfWork) -> User:
    """Where the address is taken the user given back is one that never was. One that is not proved
    yet gets another link, which alone works from then on, and makes this sign-up the account's.
    """
    tenant = await uow.load(Tenant, command.tenant_id)
    tenant.require_open()
    user = _new_user(command.tenant_id, command.registration, Role.MEMBER, command.at)
    if await _claim_address(user, command.registration, command.at, uow):
        uow.add(user)
        await _store_link(user, command.registration, uow)
    else:
        await _mail_address_owner(command, uow)
    return user


async def verify_email(command: VerifyEmail, uow: UnitOfWork) -> User:
    """The sign-up whose link it is becomes the account's. What was set by others, who had proved
    nothing, ends: their passwords, links and sessions. Raises TokenNotValid.
    """
    await lock_token_owner(verification_tokens, command.digest, uow)
    link = await consume_token(verification_tokens, command.digest, command.at, uow)
    user = await uow.load(User, link.user_id)
    if user.verified:
        raise TokenNotValid
    user.verify_email(command.at)
    if link.password_hash is not None:
        await end_sessions_of(user, uow)
        await set_password(user.id, link.password_hash, command.at, uow)
        user.update_profile(command.at, display_name=link.display_name, locale=link.locale)
    return user


def _new_user(tenant_id: TenantId, registration: Registration, role: Role, at: datetime) -> User:
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


async def _claim_address(user: User, registration: Registration, at: datetime, uow: UnitOfWork) -> bool:
    """Takes the address for this user; False where somebody has it. The unique key decides between
    two who come at once.
    """
    inserted = await uow.rows.execute(
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
    return inserted.one_or_none() is not None


async def _mail_address_owner(command: SignUp, uow: UnitOfWork) -> None:
    inserted = select(credentials.c.user_id).where(credentials.c.email == command.registration.email)
    # Locked, so that two sign-ups at once come one after the other.
    user_id = (await uow.rows.execute(inserted.with_for_update())).scalar_one_or_none()
    owner = await uow.find(User, user_id) if user_id else None
    if owner is None or owner.verified:
        return
    if owner.may_receive_verification_link(command.at):
        owner.request_verification(command.registration.verification, command.at)
        await _store_link(owner, command.registration, uow)
    elif not owner.may_sign_in:
        # Too many links for one mailbox. None that is out may stand for an earlier sign-up, which
        # can be a stranger's.
        await uow.rows.execute(delete(verification_tokens).where(verification_tokens.c.user_id == owner.id))


async def _store_link(user: User, registration: Registration, uow: UnitOfWork) -> None:
    """With the sign-up that it proves; but whoever signs in already, as an owner does, has a
    password that no sign-up replaces.
    """
    sign_up: dict[str, str | None] = dict.fromkeys(("password_hash", "display_name", "locale"))
    if not user.may_sign_in:
        sign_up = {
            "password_hash": registration.password_hash,
            "display_name": registration.display_name,
            "locale": registration.locale,
        }
    await store_token_hash(verification_tokens, user, registration.verification, uow, **sign_up)
