"""What happens to a user who is there: profile, role, suspension."""

from uuid import UUID

from services.users.commands import ChangeRole, ReactivateUser, SuspendUser, UpdateProfile
from services.users.domain import OwnerIsKept, User
from services.users.handlers.sessions import end_sessions_of
from waypost.kernel.role import Role
from waypost.ports.unit_of_work import UnitOfWork


async def update_profile(command: UpdateProfile, uow: UnitOfWork) -> User:
    """Raises ConcurrencyConflict where the user is not what the caller has seen, OwnerIsKept."""
    user = await _present(command.user_id, uow)
    user.expect(command.expected_version)
    if command.actor_id != user.id:
        _require_no_owner(user)
    user.update_profile(command.at, display_name=command.display_name, locale=command.locale)
    return user


async def change_role(command: ChangeRole, uow: UnitOfWork) -> User:
    """Raises ConcurrencyConflict, OwnerIsKept: a tenant has one owner, from its first day."""
    user = await _present(command.user_id, uow)
    user.expect(command.expected_version)
    _require_no_owner(user)
    user.change_role(command.role, command.at)
    return user


async def suspend_user(command: SuspendUser, uow: UnitOfWork) -> User:
    """Raises OwnerIsKept."""
    user = await _present(command.user_id, uow)
    _require_no_owner(user)
    user.suspend("administrator", command.at)
    await end_sessions_of(user, uow)
    return user


async def reactivate_user(command: ReactivateUser, uow: UnitOfWork) -> User:
    """Raises NotSuspended."""
    user = await _present(command.user_id, uow)
    user.reactivate(command.at)
    return user


async def _present(user_id: UUID, uow: UnitOfWork) -> User:
    """Raises NotFound, also for somebody who was erased."""
    user = await uow.load(User, user_id)
    user.require_present()
    return user


def _require_no_owner(user: User) -> None:
    if user.role is Role.OWNER:
        raise OwnerIsKept
