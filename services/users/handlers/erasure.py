"""The erasure of a user, with all that belongs to the addresses."""

from datetime import datetime

from sqlalchemy import delete, select

from services.users.domain import Email, User, Withdrawal
from services.users.domain.email import stored_forms
from services.users.handlers.invitations import withdraw_invitations
from services.users.handlers.sessions import end_sessions_of
from services.users.handlers.sign_in_attempts import forget_failures
from services.users.tables import (
    credentials,
    email_changes,
    open_invitations,
    password_reset_tokens,
    verification_tokens,
)
from waypost.ports.unit_of_work import UnitOfWork


async def erase(user: User, at: datetime, uow: UnitOfWork, *, keeps_invitations: bool = False) -> None:
    """Also withdraws the invitations and requests of the user's address, of the previous one and of
    the one to which a change was requested. The caller has checked that the user may be erased.

    `keeps_invitations`: only the requests are withdrawn. An admin's invitation belongs to
    the reader of the mailbox, who may have declined the sign-up of another person.
    """
    query = select(email_changes.c.email, email_changes.c.previous_email).where(email_changes.c.user_id == user.id)
    change = (await uow.rows.execute(query)).one_or_none()
    addresses = {form for email in (user.email, *(change or ())) for form in stored_forms(Email(email))}
    user.erase(at)
    await end_sessions_of(user, uow)
    await forget_failures(user.id, uow)
    theirs = [open_invitations.c.email.in_(sorted(addresses))]
    if keeps_invitations:
        theirs.append(open_invitations.c.token_hash.is_(None))
    await withdraw_invitations(Withdrawal.ERASED, at, uow, *theirs)
    # An export of the person is deleted with the credentials, by its foreign key.
    for table in (credentials, verification_tokens, password_reset_tokens, email_changes):
        await uow.rows.execute(delete(table).where(table.c.user_id == user.id))
    await uow.events.erase_personal_data(User.aggregate_type, user.id)
    await uow.destroy_person_key(user.tenant_id, user.id)
