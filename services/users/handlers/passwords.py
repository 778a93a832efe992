"""Passwords: reset with a mailed link, or changed with the current password."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, delete, literal, or_, select, update

from services.users.commands import ChangePassword, CreatePasswordLink, RequestPasswordLink, ResetPassword
from services.users.domain import PasswordRefused, Tenant, TenantStatus, TokenNotValid, User
from services.users.handlers.mail_bound import may_mail
from services.users.handlers.one_time_tokens import consume_token, lock_token_owner, store_token_hash
from services.users.handlers.sessions import begin_session, end_sessions_of
from services.users.handlers.sign_in_attempts import forget_failures
from services.users.handlers.stored_addresses import adopt_canonical_form
from services.users.handlers.tenant_lock import lock_bound_tenant
from services.users.tables import credentials, password_reset_tokens, users, verification_tokens
from waypost.ports.unit_of_work import UnitOfWork


async def request_password_link(command: RequestPasswordLink, uow: UnitOfWork) -> None:
    """Counts a mail and enqueues a job in every case, also for a tenant that is closed or does not
    exist.

    A proved address is mailed also beyond the bound: mails that others cause must not lock its
    owner out. Anyone can register an unproved one in many tenants.
    """
    tenant = await uow.find(Tenant, command.tenant_id)
    await adopt_canonical_form(command.email, uow)
    is_counted = await may_mail(command.email, command.at, uow)
    is_proved = select(users.c.user_id).where(users.c.user_id == credentials.c.user_id, users.c.verified).exists()
    owner = select(credentials.c.user_id).where(
        credentials.c.email == command.email, or_(literal(is_counted), is_proved)
    )
    user_id = (await uow.rows.execute(owner)).scalar_one_or_none()
    if tenant is None or tenant.status is TenantStatus.CLOSED:
        user_id = None
    await uow.jobs.enqueue("mail_password_link", user_id=user_id or command.placeholder_user_id)


async def create_password_link(command: CreatePasswordLink, uow: UnitOfWork) -> bool:
    tenant = await lock_bound_tenant(uow)
    user = await uow.find(User, command.user_id)
    if user is None or not user.may_receive_password_link(command.at):
        return False
    if tenant is None or tenant.status is TenantStatus.CLOSED:
        return False  # closed since the request
    user.request_password_reset(command.token, command.at)
    await store_token_hash(password_reset_tokens, user, command.token, uow)
    return True


async def reset_password(command: ResetPassword, uow: UnitOfWork) -> User:
    """Also verifies the address, and ends a change of address that is not proved yet. Raises
    TokenNotValid, also for a user who may not sign in any more.
    """
    await lock_token_owner(password_reset_tokens, command.digest, uow)
    user_id = (await consume_token(password_reset_tokens, command.digest, command.at, uow)).user_id
    await set_password(user_id, command.password_hash, command.at, uow)
    await forget_failures(user_id, uow)
    user = await uow.load(User, user_id)
    (await uow.load(Tenant, user.tenant_id)).require_open()  # loaded after the lock: closing waits for it
    if not user.may_reset_password:
        raise TokenNotValid
    user.verify_email(command.at)
    # A pending registration must not take over the account later.
    await uow.rows.execute(delete(verification_tokens).where(verification_tokens.c.user_id == user_id))
    user.change_password("reset", command.at)
    await end_sessions_of(user, uow)
    return user


async def change_password(command: ChangePassword, uow: UnitOfWork) -> User:
    """Raises PasswordRefused if the password was changed meanwhile, SignInRefused."""
    is_proved = credentials.c.password_hash == command.verified_hash
    if not await set_password(command.user_id, command.password_hash, command.at, uow, is_proved):
        raise PasswordRefused
    user = await uow.load(User, command.user_id)
    user.change_password("changed", command.at)
    await end_sessions_of(user, uow)
    await begin_session(user, command.session_id, command.refresh_token, uow)
    return user


async def set_password(
    user_id: UUID, password_hash: str, at: datetime, uow: UnitOfWork, *conditions: ColumnElement[bool]
) -> bool:
    """Sets the password of a user who meets the conditions; returns whether it was set. An earlier
    mailed link stops working.
    """
    changed = await uow.rows.execute(
        update(credentials)
        .where(credentials.c.user_id == user_id, *conditions)
        .values(password_hash=password_hash, changed_at=at)
    )
    await uow.rows.execute(delete(password_reset_tokens).where(password_reset_tokens.c.user_id == user_id))
    return bool(changed.rowcount)
