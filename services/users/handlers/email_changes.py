"""A change of the address: the new address proves itself, the previous one can take it back."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from services.users.commands.identity import CancelEmailChange, ConfirmEmailChange, RequestEmailChange
from services.users.domain import AddressInUse, EmailChangeTooSoon, TokenNotValid, User
from services.users.handlers.confirmation import require_confirmed
from services.users.handlers.mail_bound import may_mail
from services.users.handlers.passwords import set_password
from services.users.handlers.sessions import end_sessions_of, lock_credentials
from services.users.handlers.sign_in_attempts import forget_failures
from services.users.tables import credentials, email_changes, password_reset_tokens, verification_tokens
from waypost.ports.unit_of_work import UnitOfWork


async def request_email_change(command: RequestEmailChange, uow: UnitOfWork) -> None:
    """Has both links mailed. Does nothing for the present address. Does not reveal whether another
    user has the new address, or how many mails it received: beyond the bound no link is mailed, and
    only the mailbox learns that.

    Raises ConfirmationRequired. Raises EmailChangeTooSoon, also while the previous address can
    still take the last change back: a second change would end that link.
    """
    await require_confirmed(command.actor, command.at, uow)
    await lock_credentials(command.actor.user_id, uow)
    user = await uow.load(User, command.actor.user_id)
    user.require_present()
    change = command.change
    if change.email == user.email:
        return
    last = (await uow.rows.execute(select(email_changes).where(email_changes.c.user_id == user.id))).one_or_none()
    if last is not None and last.token_hash is None and last.cancel_expires_at > command.at:
        raise EmailChangeTooSoon
    if not await may_mail(change.email, command.at, uow):
        return
    user.request_email_change(change, command.at)
    values = {
        "email": change.email,
        "previous_email": user.email,
        "token_hash": command.proof_digest,
        "expires_at": change.proof.expires_at,
        "cancel_token_hash": command.cancellation_digest,
        "cancel_expires_at": change.cancellation.expires_at,
    }
    await uow.rows.execute(
        insert(email_changes)
        .values(tenant_id=user.tenant_id, user_id=user.id, **values)
        .on_conflict_do_update(index_elements=["tenant_id", "user_id"], set_=values)
    )


async def confirm_email_change(command: ConfirmEmailChange, uow: UnitOfWork) -> None:
    """Gives the user the proved address, and ends the links that were mailed to the previous one.
    The link that takes the change back stays. Raises TokenNotValid, AddressInUse.
    """
    change = await _locked(
        email_changes.c.token_hash == command.digest, email_changes.c.expires_at > command.at, uow=uow
    )
    user = await uow.load(User, change.user_id)
    if not user.may_reset_password:
        raise TokenNotValid
    await _move(user, change.email, command.at, uow)
    await forget_failures(user.id, uow)
    used = update(email_changes).where(email_changes.c.user_id == user.id).values(token_hash=None)
    await uow.rows.execute(used)


async def cancel_email_change(command: CancelEmailChange, uow: UnitOfWork) -> None:
    """Cancels the change, or takes it back. The request came from a person who knew the password or
    held a session: both end, and the user chooses a new password with a mailed link. Raises
    TokenNotValid, AddressInUse.
    """
    change = await _locked(
        email_changes.c.cancel_token_hash == command.digest, email_changes.c.cancel_expires_at > command.at, uow=uow
    )
    user = await uow.load(User, change.user_id)
    await uow.rows.execute(delete(email_changes).where(email_changes.c.user_id == user.id))
    if change.token_hash is None:
        await _move(user, change.previous_email, command.at, uow)
    await set_password(user.id, command.unusable_hash, command.at, uow)
    user.change_password("reset", command.at)
    await end_sessions_of(user, uow)


async def _locked(*conditions: ColumnElement[bool], uow: UnitOfWork) -> Row[Any]:
    """The change of a link, with its user's credentials locked first, in the order of all commands
    that end sessions. Raises TokenNotValid.
    """
    holder = select(email_changes.c.user_id).where(*conditions)
    user_id = (await uow.rows.execute(holder)).scalar_one_or_none()
    if user_id is None:
        raise TokenNotValid
    await lock_credentials(user_id, uow)
    change = (await uow.rows.execute(select(email_changes).where(*conditions))).one_or_none()
    if change is None:
        raise TokenNotValid
    return change


async def _move(user: User, email: str, at: datetime, uow: UnitOfWork) -> None:
    """Raises AddressInUse."""
    try:
        await uow.rows.execute(update(credentials).where(credentials.c.user_id == user.id).values(email=email))
    except IntegrityError as error:
        raise AddressInUse from error
    user.change_email(email, at)
    for links in (verification_tokens, password_reset_tokens):
        await uow.rows.execute(delete(links).where(links.c.user_id == user.id))
