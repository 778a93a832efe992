"""Registration: a new tenant with its owner, a sign-up, a verified address."""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from services.users.commands import OpenTenant, Registration, SignUp, VerifyEmail
from services.users.domain import Admission, Tenant, TenantStatus, TokenNotValid, User
from services.users.handlers.invitations import request_to_join, room_for_request
from services.users.handlers.kept_addresses import is_kept_for_another
from services.users.handlers.mail_bound import REGISTRATION_MAILS, count_mails, may_mail
from services.users.handlers.one_time_tokens import consume_token, lock_token_owner, store_token_hash
from services.users.handlers.passwords import set_password
from services.users.handlers.sessions import end_sessions_of
from services.users.handlers.stored_addresses import adopt_canonical_form
from services.users.tables import credentials, verification_tokens
from waypost.kernel.ids import TenantId
from waypost.kernel.role import Role
from waypost.ports.unit_of_work import UnitOfWork


async def open_tenant(command: OpenTenant, uow: UnitOfWork) -> Tenant:
    """Opens nothing, with the same response, if the owner's address has received too many mails."""
    tenant = Tenant.create(command.tenant_id, command.name, command.at)
    tenant.set_join_policy(command.join_policy, command.at)
    if not await may_mail(command.owner.email, command.at, uow, mails=REGISTRATION_MAILS):
        return tenant
    uow.add(tenant)
    owner = _new_user(command.tenant_id, command.owner, Role.OWNER, command.at)
    await _claim_address(owner, command.owner, command.at, uow)
    uow.add(owner)
    await _store_link(owner, command.owner, uow)
    return tenant


async def sign_up(command: SignUp, uow: UnitOfWork) -> User:
    """Registers a member, if the tenant's join policy admits the address. Where an admin has to
    approve, stores a request. If the address is taken, not admitted, or the tenant does not exist,
    returns a user that is not stored, so that the response reveals nothing.

    An address that is registered and not verified yet is mailed another link, under every policy:
    it replaces the earlier links, and verifying it gives the account this registration's password.
    If the address has received too many mails, the response is the same and no mail follows. An
    address whose user can still take a change back counts as taken.
    """
    tenant = await uow.find(Tenant, command.tenant_id)
    user = _new_user(command.tenant_id, command.registration, Role.MEMBER, command.at)
    if tenant is None or tenant.status is TenantStatus.CLOSED:
        await _lock_address_owner(command, uow)
        await is_kept_for_another(user.email, user.id, command.at, uow)
        await count_mails(user.email, command.at, uow, mails=1, follow=False)
        await _write_nothing(user, command, uow)
    elif not await _sign_up_in(tenant, user, command, uow):
        await _write_nothing(user, command, uow)
    return user


async def _sign_up_in(tenant: Tenant, user: User, command: SignUp, uow: UnitOfWork) -> bool:
    """Returns whether anything was written."""
    admission = tenant.join_policy.admission(command.registration.email)
    registers = admission is Admission.REGISTER
    owner = await _lock_address_owner(command, uow)
    is_free = not await is_kept_for_another(user.email, user.id, command.at, uow) and owner is None
    links = owner is not None and owner.may_receive_verification_link(command.at)
    mails = REGISTRATION_MAILS if is_free else 1
    follow = links or (registers and is_free)
    mail = await count_mails(user.email, command.at, uow, mails=mails, follow=follow)
    if registers and mail and is_free and await _claim_address(user, command.registration, command.at, uow):
        uow.add(user)
        await _store_link(user, command.registration, uow)
        return True
    room = await room_for_request(command, uow) if admission is Admission.REQUEST else None
    if owner is None:
        return is_free and room is not None and await request_to_join(command, room, uow)
    return await _mail_address_owner(owner, command, uow, mail=mail)


async def _write_nothing(user: User, command: SignUp, uow: UnitOfWork) -> None:
    """Writes a row and deletes it. A commit without writes would not wait for the disk, and its
    time would show that the sign-up had no effect.
    """
    await store_token_hash(verification_tokens, user, command.registration.verification, uow)
    await uow.rows.execute(delete(verification_tokens).where(verification_tokens.c.user_id == user.id))


async def verify_email(command: VerifyEmail, uow: UnitOfWork) -> User:
    """Verifies the address. The account takes the password and profile of the registration whose
    link it is; other registrations' passwords, links and sessions end. Raises TokenNotValid.
    """
    await lock_token_owner(verification_tokens, command.digest, uow)
    link = await consume_token(verification_tokens, command.digest, command.at, uow)
    user = await uow.load(User, link.user_id)
    (await uow.load(Tenant, user.tenant_id)).require_open()  # after the lock, for which the end waits
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


async def _lock_address_owner(command: SignUp, uow: UnitOfWork) -> User | None:
    """The user of the address. The lock serializes concurrent registrations of one address. A free
    address is looked up with the same statements.
    """
    await adopt_canonical_form(command.registration.email, uow)
    query = select(credentials.c.user_id).where(credentials.c.email == command.registration.email)
    user_id = (await uow.rows.execute(query.with_for_update())).scalar_one_or_none()
    found = await uow.find(User, user_id or command.registration.user_id)
    return found if user_id else None


async def _mail_address_owner(owner: User, command: SignUp, uow: UnitOfWork, *, mail: bool) -> bool:
    """Returns whether anything was written."""
    if owner.verified:
        return False
    if mail:
        owner.request_verification(command.registration.verification, command.at)
        await _store_link(owner, command.registration, uow)
        return True
    if owner.may_sign_in:
        return False
    # The mailbox has reached its limit of links. Delete the current link, which may belong to
    # another person's registration.
    await uow.rows.execute(delete(verification_tokens).where(verification_tokens.c.user_id == owner.id))
    return True


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
