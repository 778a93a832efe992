"""Changes of an existing user: profile, role, suspension, erasure."""

from uuid import UUID

from services.users.commands import ChangeRole, EraseUser, ReactivateUser, SuspendUser, UpdateProfile
from services.users.domain import AdminIsProtected, OwnerIsProtected, User
from services.users.handlers.confirmation import require_confirmed
from services.users.handlers.erasure import erase
from services.users.handlers.sessions import end_sessions_of
from waypost.kernel.role import Role
from waypost.ports.unit_of_work import UnitOfWork


async def update_profile(command: UpdateProfile, uow: UnitOfWork) -> User:
    """Raises ConcurrencyConflict if the user's version differs from the caller's,
    OwnerIsProtected, TooManyProfileChanges.
    """
    user = await _present(command.user_id, uow)
    user.expect(command.expected_version)
    if command.actor_id != user.id:
        _require_no_owner(user)
    user.require_profile_change(command.at)
    user.update_profile(command.at, display_name=command.display_name, locale=command.locale)
    return user


async def change_role(command: ChangeRole, uow: UnitOfWork) -> User:
    """Raises ConcurrencyConflict, OwnerIsProtected: a tenant always has exactly one owner."""
    user = await _present(command.user_id, uow)
    user.expect(command.expected_version)
    _require_no_owner(user)
    user.change_role(command.role, command.at)
    return user


async def suspend_user(command: SuspendUser, uow: UnitOfWork) -> User:
    """Raises OwnerIsProtected."""
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
    """Raises NotFound, also for an erased user."""
    user = await uow.load(User, user_id)
    user.require_present()
    return user


def _require_no_owner(user: User) -> None:
    if user.role is Role.OWNER:
        raise OwnerIsProtected


async def erase_user(command: EraseUser, uow: UnitOfWork) -> None:
    """A repeated call changes nothing. Raises ConcurrencyConflict, OwnerIsProtected: a tenant
    always has an owner, who can hand over. Raises AdminIsProtected, ConfirmationRequired.
    """
    user = await uow.load(User, command.user_id)
    if user.erased:
        return
    user.expect(command.expected_version)
    if user.role is Role.OWNER:
        raise OwnerIsProtected
    if user.role is Role.ADMIN and command.actor.user_id != user.id and command.actor.role is not Role.OWNER:
        raise AdminIsProtected
    await require_confirmed(command.actor, command.at, uow)
    await erase(user, command.at, uow)
