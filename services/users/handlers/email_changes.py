"""A change of the address: the new address proves itself, the previous one can take it back."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from services.users.commands.identity import (
    CancelEmailChange,
    ConfirmEmailChange,
    DeclineEmailChange,
    RequestEmailChange,
)
from services.users.domain import (
    AddressInUse,
    Email,
    EmailChangeTooSoon,
    PasswordRefused,
    Tenant,
    TokenNotValid,
    User,
    may_be_taken_over,
)
from services.users.handlers.confirmation import require_confirmed
from services.users.handlers.erasure import erase
from services.users.handlers.kept_addresses import is_kept_for_another
from services.users.handlers.mail_bound import may_mail
from services.users.handlers.passwords import set_password
from services.users.handlers.sessions import end_sessions_of, lock_credentials, lock_password_hash
from services.users.handlers.sign_in_attempts import forget_failures
from services.users.handlers.stored_addresses import adopt_canonical_form
from services.users.handlers.tenant_lock import lock_bound_tenant
from services.users.tables import credentials, email_changes, password_reset_tokens, verification_tokens
from waypost.ports.unit_of_work import UnitOfWork


async def request_email_change(command: RequestEmailChange, uow: UnitOfWork) -> None:
    """Has both links mailed. Does nothing for the present address. Does not reveal whether another
    user has the new address, or how many mails it received: beyond the bound no link is mailed, and
    only the mailbox learns that. The present address is mailed too, so it counts as well until its
    reader has proved it: the owner of a new tenant may have typed another person's address.

    Raises ConfirmationRequired. Raises EmailChangeTooSoon, also while the previous address can
    still take the last change back: a second change would end that link.
    """
    await lock_credentials(command.actor.user_id, uow)
    user = await uow.load(User, command.actor.user_id)
    user.require_present()
    # After the lock: an end of the tenant waits for it, and the session may just have ended.
    (await uow.load(Tenant, user.tenant_id)).require_open()
    await require_confirmed(command.actor, command.at, uow)
    change = command.change
    if change.email == user.email:
        return
    last = (await uow.rows.execute(select(email_changes).where(email_changes.c.user_id == user.id))).one_or_none()
    if last is not None and last.token_hash is None and last.cancel_expires_at > command.at:
        raise EmailChangeTooSoon
    if not user.verified and not await may_mail(user.email, command.at, uow):
        return
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
    The link that takes the change back stays. Raises TokenNotValid, AddressInUse; PasswordRefused
    if the password was changed meanwhile.
    """
    tenant = await lock_bound_tenant(uow)
    change = await _requested(command.digest, command.at, uow)
    if tenant is None:
        raise TokenNotValid
    tenant.require_open()
    if await lock_password_hash(change.user_id, uow) != command.verified_hash:
        raise PasswordRefused
    user = await uow.load(User, change.user_id)
    if not user.may_reset_password:
        raise TokenNotValid
    if not await _move(user, change.email, command.at, uow):
        raise AddressInUse
    await forget_failures(user.id, uow)
    used = update(email_changes).where(email_changes.c.user_id == user.id).values(token_hash=None)
    await uow.rows.execute(used)


async def decline_email_change(command: DeclineEmailChange, uow: UnitOfWork) -> None:
    """Ends the link to the new address, whose reader did not request the change. The link to the
    present address still ends password and sessions. Raises TokenNotValid.
    """
    change = await _requested(command.digest, command.at, uow)
    ended = update(email_changes).where(email_changes.c.user_id == change.user_id).values(expires_at=command.at)
    await uow.rows.execute(ended)


async def cancel_email_change(command: CancelEmailChange, uow: UnitOfWork) -> bool:
    """Cancels the change, or takes it back. The request came from a person who knew the password or
    held a session: both end, and the user chooses a new password with a mailed link.

    False if another user has the previous address: password and sessions ended, which must be
    committed, and the link stays valid. Raises TokenNotValid.
    """
    await lock_bound_tenant(uow)
    change = await _locked(
        email_changes.c.cancel_token_hash == command.digest, email_changes.c.cancel_expires_at > command.at, uow=uow
    )
    user = await uow.load(User, change.user_id)
    is_back = change.token_hash is not None or await _move(user, change.previous_email, command.at, uow)
    if is_back:
        await uow.rows.execute(delete(email_changes).where(email_changes.c.user_id == user.id))
    await set_password(user.id, command.unusable_hash, command.at, uow)
    user.change_password("reset", command.at)
    await end_sessions_of(user, uow)
    return is_back


async def _requested(digest: bytes, at: datetime, uow: UnitOfWork) -> Row[Any]:
    """The change of a link to a new address. Raises TokenNotValid."""
    return await _locked(email_changes.c.token_hash == digest, email_changes.c.expires_at > at, uow=uow)


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


async def _move(user: User, email: str, at: datetime, uow: UnitOfWork) -> bool:
    """Gives the user an address that they proved; False if another user has it, or may take it
    back. A registration of the address that was not verified ends, as an acceptance ends it.
    """
    await adopt_canonical_form(Email(email), uow)
    query = select(credentials.c.user_id).where(credentials.c.email == email, credentials.c.user_id != user.id)
    holder_id = (await uow.rows.execute(query)).scalar_one_or_none()
    if holder_id is not None:
        holder = await uow.load(User, holder_id)
        if not may_be_taken_over(holder):
            return False
        await erase(holder, at, uow)
    if await is_kept_for_another(email, user.id, at, uow):
        return False
    try:
        async with uow.rows.begin_nested():
            await uow.rows.execute(update(credentials).where(credentials.c.user_id == user.id).values(email=email))
    except IntegrityError:
        return False
    user.change_email(email, at)
    for links in (verification_tokens, password_reset_tokens):
        await uow.rows.execute(delete(links).where(links.c.user_id == user.id))
    return True
