"""Somebody is forgotten."""

from sqlalchemy import delete

from services.users.commands import EraseUser
from services.users.domain import OwnerIsKept, User
from services.users.handlers.sessions import end_sessions_of
from services.users.tables import credentials, password_reset_tokens, verification_tokens
from waypost.kernel.role import Role
from waypost.ports.unit_of_work import UnitOfWork


async def erase_user(command: EraseUser, uow: UnitOfWork) -> None:
    """Erasing twice is fine. Raises ConcurrencyConflict, OwnerIsKept: a tenant is not left without
    its owner.
    """
    user = await uow.load(User, command.user_id)
    if user.erased:
        return
    user.expect(command.expected_version)
    if user.role is Role.OWNER:
        raise OwnerIsKept
    user.erase(command.at)
    await end_sessions_of(user, uow)
    for table in (credentials, verification_tokens, password_reset_tokens):
        await uow.rows.execute(delete(table).where(table.c.user_id == user.id))
    await uow.events.forget_person(User.aggregate_type, user.id)
