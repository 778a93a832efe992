"""The link of a verification mail: it proves the address, or ends the sign-up.

The link alone proves only that its reader has the mail. The account must not get the password of
another person who signed up with the reader's address. So the reader proves the password of that
sign-up, chooses another one, or declines the sign-up.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, select

from services.users.commands import DeclineSignUp, VerifyEmail, VerifyWithNewPassword
from services.users.domain import OwnerKeepsPassword, PasswordRefused, Tenant, TokenNotValid, User, may_be_taken_over
from services.users.handlers.erasure import erase
from services.users.handlers.one_time_tokens import consume_token, lock_token_owner
from services.users.handlers.passwords import set_password
from services.users.handlers.sessions import end_sessions_of
from services.users.handlers.sign_in_attempts import forget_failures
from services.users.tables import credentials, verification_tokens
from waypost.kernel.role import Role
from waypost.ports.unit_of_work import UnitOfWork


async def verify_email(command: VerifyEmail, uow: UnitOfWork) -> User:
    """Verifies the address. The account takes the password and profile of the registration whose
    link it is; other registrations' passwords, links and sessions end.

    Raises TokenNotValid; PasswordRefused, which leaves the link, if the password is that of another
    registration or was changed meanwhile.
    """
    user, link = await _consume_link(command.digest, command.at, uow)
    if await _password_hash(user, link, uow) != command.verified_hash:
        raise PasswordRefused
    user.verify_email(command.at)
    if link.password_hash is not None:
        await end_sessions_of(user, uow)
        await set_password(user.id, link.password_hash, command.at, uow)
    _apply_profile(user, link, command.at)
    await forget_failures(user.id, uow)
    return user


async def verify_with_new_password(command: VerifyWithNewPassword, uow: UnitOfWork) -> User:
    """Verifies the address. The account gets the reader's password and the profile of the
    registration; every earlier password, link and session ends. Raises TokenNotValid,
    OwnerKeepsPassword.
    """
    user, link = await _consume_link(command.digest, command.at, uow)
    if user.role is Role.OWNER:
        raise OwnerKeepsPassword
    user.verify_email(command.at)
    await set_password(user.id, command.password_hash, command.at, uow)
    user.change_password("reset", command.at)
    await end_sessions_of(user, uow)
    _apply_profile(user, link, command.at)
    await forget_failures(user.id, uow)
    return user


async def decline_sign_up(command: DeclineSignUp, uow: UnitOfWork) -> None:
    """Erases a registration whose address is not proved; open invitations of the address stay. The
    owner of a tenant keeps it, without a proved address: people may have joined it. Raises
    TokenNotValid.
    """
    user, _ = await _consume_link(command.digest, command.at, uow)
    if may_be_taken_over(user):
        await erase(user, command.at, uow, keeps_invitations=True)


async def _consume_link(digest: bytes, at: datetime, uow: UnitOfWork) -> tuple[User, Row[Any]]:
    """Consumes the link. Returns its user and its row, with the credentials locked."""
    await lock_token_owner(verification_tokens, digest, uow)
    link = await consume_token(verification_tokens, digest, at, uow)
    user = await uow.load(User, link.user_id)
    # loaded after the lock: closing the tenant waits for it
    (await uow.load(Tenant, user.tenant_id)).require_open()
    if user.verified:
        raise TokenNotValid
    return user, link


async def _password_hash(user: User, link: Row[Any], uow: UnitOfWork) -> str | None:
    """The hash of the registration's password; that of the account if the link has none."""
    if link.password_hash is not None:
        registered: str = link.password_hash
        return registered
    current = select(credentials.c.password_hash).where(credentials.c.user_id == user.id)
    password_hash: str | None = (await uow.rows.execute(current)).scalar_one_or_none()
    return password_hash


def _apply_profile(user: User, link: Row[Any], at: datetime) -> None:
    user.update_profile(at, display_name=link.display_name, locale=link.locale)
