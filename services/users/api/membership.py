"""A tenant's users: profile, role, suspension and erasure."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from services.users import queries
from services.users.api.context import Context
from services.users.api.models import ListedUserView, PresentStatus, ProfileChange, RoleChange, SearchText, UserView
from services.users.api.own_sessions import acting
from services.users.commands import ChangeRole, EraseUser, ReactivateUser, SuspendUser, UpdateProfile
from services.users.domain import SelfReactivation, User, UserStatus
from services.users.queries import UserFilter
from waypost.kernel.errors import NotFound
from waypost.kernel.role import Role
from waypost.web.auth import AdminCaller, Caller, OwnerCaller
from waypost.web.history import EventView, VersionPage, event_page
from waypost.web.models import Moment
from waypost.web.pagination import Page, PageRequest, paged_by
from waypost.web.principal import Principal
from waypost.web.responses import ExpectedVersion, shown

router = APIRouter(prefix="/users", tags=["users"])


@router.get("")
async def list_users(
    page: Annotated[PageRequest[UUID], paged_by(UUID)],
    caller: AdminCaller,
    context: Context,
    search: Annotated[SearchText | None, Query(description="Beginning of an address or a display name.")] = None,
    role: Annotated[Role | None, Query(description="Role of the users.")] = None,
    status: Annotated[PresentStatus | None, Query(description="Status of the users.")] = None,
    created_from: Annotated[Moment | None, Query(description="First time of registration.")] = None,
    created_before: Annotated[Moment | None, Query(description="End of the times, exclusive.")] = None,
) -> Page[ListedUserView]:
    """Lists the tenant's users in the order of their registration. Filters are combined. A search
    ignores case, in all scripts, but not accents.
    """
    wanted = UserFilter(
        search=search,
        role=role,
        status=UserStatus(status) if status else None,
        created_from=created_from,
        created_before=created_before,
    )
    async with context.bus.units.begin() as uow:
        accounts = await queries.accounts(uow.rows, caller.tenant_id, wanted, after=page.after, limit=page.rows)
    return page.of(accounts, ListedUserView.model_validate, position=lambda account: account.id)


@router.get("/{user_id}", response_model=UserView)
async def show_user(user_id: UUID, caller: Caller, context: Context) -> Response:
    """Returns one user. Members see themselves, admins all users."""
    _require_self_or_admin(caller, user_id)
    async with context.bus.units.begin() as uow:
        account = await queries.account(uow.rows, user_id)
    return shown(UserView.model_validate(account), version=account.version)


@router.patch("/{user_id}", response_model=UserView)
async def update_profile(
    user_id: UUID, body: ProfileChange, caller: Caller, expected: ExpectedVersion, context: Context
) -> Response:
    """Changes the given fields. With If-Match, only if the version matches."""
    _require_self_or_admin(caller, user_id)
    command = UpdateProfile(
        user_id=user_id,
        display_name=body.display_name,
        locale=body.locale,
        actor_id=caller.user_id,
        expected_version=expected,
        at=context.now,
    )
    return _user(await context.bus.handle(command))


@router.delete("/{user_id}", status_code=204)
async def erase(user_id: UUID, caller: Caller, expected: ExpectedVersion, context: Context) -> Response:
    """Erases the person, here and in all other services. A repeated call changes nothing. Only the
    owner erases admins. Requires a session that was confirmed recently.
    """
    _require_self_or_admin(caller, user_id)
    await context.bus.handle(
        EraseUser(user_id=user_id, actor=acting(caller), expected_version=expected, at=context.now)
    )
    return Response(status_code=204)


@router.post("/{user_id}/role", response_model=UserView)
async def change_role(
    user_id: UUID, body: RoleChange, caller: OwnerCaller, expected: ExpectedVersion, context: Context
) -> Response:
    """Makes a member an admin, or an admin a member. A demotion applies at once, a promotion from
    the next access token.
    """
    command = ChangeRole(user_id=user_id, role=body.role, expected_version=expected, at=context.now)
    return _user(await context.bus.handle(command))


@router.post("/{user_id}/suspend", response_model=UserView)
async def suspend(user_id: UUID, caller: AdminCaller, context: Context) -> Response:
    """Suspends the user and ends their sessions. A repeated call changes nothing."""
    return _user(await context.bus.handle(SuspendUser(user_id=user_id, at=context.now)))


@router.post("/{user_id}/reactivate", response_model=UserView)
async def reactivate(user_id: UUID, caller: AdminCaller, context: Context) -> Response:
    """Reactivates a suspended user; 409 if the user is not suspended, 403 for oneself."""
    if user_id == caller.user_id:
        raise SelfReactivation
    return _user(await context.bus.handle(ReactivateUser(user_id=user_id, at=context.now)))


@router.get("/{user_id}/events")
async def show_events(user_id: UUID, page: VersionPage, caller: Caller, context: Context) -> Page[EventView]:
    """Lists the user's events, oldest first."""
    _require_self_or_admin(caller, user_id)
    async with context.bus.units.begin() as uow:
        events = await event_page(User, user_id, page, uow)
        if not events.data and await uow.find(User, user_id) is None:
            raise NotFound(f"there is no user {user_id}")
    return events


def _require_self_or_admin(caller: Principal, user_id: UUID) -> None:
    if not caller.may_see(user_id):
        raise NotFound(f"there is no user {user_id}")


def _user(user: User) -> Response:
    return shown(UserView.model_validate(user), version=user.version)
