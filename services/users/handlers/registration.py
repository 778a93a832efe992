"""Registration: a new tenant with its owner, and sign-ups."""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from services.users.commands import OpenTenant, Registration, SignUp
from services.users.domain import SignUpEffect, Tenant, TenantStatus, User
from services.users.handlers.invitations import request_to_join, room_for_request
from services.users.handlers.kept_addresses import is_kept_for_another
from services.users.handlers.mail_bound import SIGN_UP_MAILS, may_mail
from services.users.handlers.one_time_tokens import store_token_hash
from services.users.handlers.stored_addresses import adopt_canonical_form
from services.users.handlers.tenant_lock import lock_against_closing
from services.users.tables import credentials, verification_tokens
from waypost.kernel.ids import TenantId
from waypost.kernel.role import Role
from waypost.ports.unit_of_work import UnitOfWork


async def open_tenant(command: OpenTenant, uow: UnitOfWork) -> Tenant:
    """Opens the tenant also if the owner's address has received too many mails, with the same
    response: then no link is mailed. The owner signs in without it, and a later sign-up with the
    address mails one.
    """
    tenant = Tenant.create(command.tenant_id, command.name, command.at)
    tenant.set_join_policy(command.join_policy, command.at)
    uow.add(tenant)
    owner = _new_user(command.tenant_id, command.owner, Role.OWNER, command.at)
    uow.add(owner)
    await _claim_address(owner, command.owner, command.at, uow)
    if await may_mail(owner.email, command.at, uow):
        owner.request_verification(command.owner.verification, command.at)
        await _store_link(owner, command.owner, uow)
    return tenant


async def sign_up(command: SignUp, uow: UnitOfWork) -> User:
    """Registers a member, if the tenant's join policy admits the address. Where an admin has to
    approve, stores a request. If the address is taken, not admitted, or the tenant does not exist
    or is closed, returns a user that is not stored, so that the response reveals nothing.

    An address that is registered and not verified yet is mailed another link, under every policy:
    it replaces the earlier links, and belongs to this registration. If the address has received too
    many mails, the response is the same and no mail follows. An address whose user can still take a
    change back counts as taken.

    Each case writes at least the row of the count of mails: a commit without writes would not wait
    for the disk, and its time would show that the sign-up had no effect.
    """
    registration, at = command.registration, command.at
    tenant = await lock_against_closing(command.tenant_id, uow)
    is_open = tenant is not None and tenant.status is TenantStatus.OPEN
    effect = (
        tenant.join_policy.sign_up_effect(registration.email) if tenant is not None and is_open else SignUpEffect.REFUSE
    )
    user = _new_user(command.tenant_id, registration, Role.MEMBER, at)
    user.request_verification(registration.verification, at)
    owner = await _lock_address_owner(registration, uow)
    is_free = not await is_kept_for_another(user.email, user.id, at, uow) and owner is None
    may_register = is_free and effect is SignUpEffect.REGISTER
    may_mail_link = is_open and owner is not None and owner.may_receive_verification_link(at)
    is_counted = await may_mail(user.email, at, uow, mails=SIGN_UP_MAILS)  # the same in each case
    is_within_bound = is_counted and (may_register or may_mail_link)
    if effect is SignUpEffect.REQUEST:
        room = await room_for_request(command, uow)
        if is_free:
            await request_to_join(command, room, uow)
    if may_register and is_within_bound:
        await _register(user, registration, at, uow)
    elif owner is not None and is_open:
        await _mail_address_owner(owner, registration, at, uow, is_within_bound=is_within_bound)
    return user


def _new_user(tenant_id: TenantId, registration: Registration, role: Role, at: datetime) -> User:
    return User.create(
        registration.user_id,
        tenant_id,
        email=registration.email,
        display_name=registration.display_name,
        role=role,
        locale=registration.locale,
        at=at,
    )


async def _register(user: User, registration: Registration, at: datetime, uow: UnitOfWork) -> None:
    """Does nothing if a concurrent registration got the address."""
    if await _claim_address(user, registration, at, uow):
        uow.add(user)
        await _store_link(user, registration, uow)


async def _claim_address(user: User, registration: Registration, at: datetime, uow: UnitOfWork) -> bool:
    """Reserves the address for this user; False if it is taken. The unique key decides between
    concurrent registrations.
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


async def _lock_address_owner(registration: Registration, uow: UnitOfWork) -> User | None:
    """The user of the address. The lock serializes concurrent registrations of one address. A free
    address is looked up with the same statements.
    """
    await adopt_canonical_form(registration.email, uow)
    query = select(credentials.c.user_id).where(credentials.c.email == registration.email)
    user_id = (await uow.rows.execute(query.with_for_update())).scalar_one_or_none()
    found = await uow.find(User, user_id or registration.user_id)
    return found if user_id else None


async def _mail_address_owner(
    owner: User, registration: Registration, at: datetime, uow: UnitOfWork, *, is_within_bound: bool
) -> None:
    if owner.verified:
        return
    if is_within_bound:
        owner.request_verification(registration.verification, at)
        await _store_link(owner, registration, uow)
    elif not owner.may_sign_in:
        # The address has reached its limit of mails. Delete the current link, which may belong to
        # another person's registration.
        await uow.rows.execute(delete(verification_tokens).where(verification_tokens.c.user_id == owner.id))


async def _store_link(user: User, registration: Registration, uow: UnitOfWork) -> None:
    """Stores the link with its registration's password and profile. A user who may already sign in,
    such as an owner, keeps the current password.
    """
    sign_up: dict[str, str | None] = dict.fromkeys(("password_hash", "display_name", "locale"))
    if not user.may_sign_in:
        sign_up = {
            "password_hash": registration.password_hash,
            "display_name": registration.display_name,
            "locale": registration.locale,
        }
    await store_token_hash(verification_tokens, user, registration.verification, uow, **sign_up)
