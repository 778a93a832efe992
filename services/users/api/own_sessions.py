"""The sessions of a user: list, confirm and end. No response contains a token."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from services.users import queries
from services.users.api.context import Context
from services.users.api.models import AnyPassword
from services.users.api.password_checks import require_own_password
from services.users.commands.identity import ActingUser, ConfirmSession, EndSession, EndSessions
from waypost.web.auth import AdminCaller, Caller
from waypost.web.models import RequestModel, ResponseModel
from waypost.web.pagination import Page, PageRequest, paged_by
from waypost.web.principal import Principal

router = APIRouter(tags=["sessions"])


class Confirmation(RequestModel):
    password: AnyPassword = Field(repr=False)


class OpenSessionView(ResponseModel):
    id: UUID
    opened_at: datetime
    """Time of the sign-in."""
    used_at: datetime
    """Time of the last refresh, or of the sign-in."""
    expires_at: datetime
    user_agent: str
    """The client's own description, shortened; empty if it sent none."""
    current: bool
    """Whether this is the session of the request."""


@router.get("/sessions")
async def list_sessions(
    page: Annotated[PageRequest[UUID], paged_by(UUID)], caller: Caller, context: Context
) -> Page[OpenSessionView]:
    """Lists the caller's own sessions, oldest first."""
    await context.bus.authorize_reading()
    async with context.bus.units.begin() as uow:
        rows = await queries.sessions_of(uow.rows, caller.user_id, now=context.now, after=page.after, limit=page.rows)
    return page.of(rows, lambda row: _view(row, caller), position=lambda row: row.session_id)


@router.post("/sessions/confirm", status_code=204)
async def confirm(body: Confirmation, caller: Caller, context: Context) -> Response:
    """Proves the password again. For five minutes, this session may then request what cannot be
    undone: an erasure, a change of address, a transfer of the ownership, the end of the tenant.
    Wrong passwords are delayed like those of a sign-in, and counted apart from them.
    """
    async with context.bus.units.begin() as uow:
        own = await queries.credentials_of_user(uow.rows, caller.user_id)
    proved = await require_own_password(body.password, own, caller, context)
    await context.bus.handle(
        ConfirmSession(
            user_id=caller.user_id,
            session_id=caller.session_id,
            verified_hash=proved.password_hash,
            at=context.now,
        )
    )
    return Response(status_code=204)


@router.delete("/sessions/{session_id}", status_code=204)
async def end_session(session_id: UUID, caller: Caller, context: Context) -> Response:
    """Ends one of the caller's sessions, which may be the one of the request."""
    await context.bus.handle(EndSession(user_id=caller.user_id, session_id=session_id, at=context.now))
    return Response(status_code=204)


@router.delete("/sessions", status_code=204)
async def end_all_sessions(caller: Caller, context: Context) -> Response:
    """Ends all sessions of the caller, with the one of the request."""
    await _end_all(caller.user_id, caller, context)
    return Response(status_code=204)


@router.delete("/users/{user_id}/sessions", status_code=204)
async def end_sessions_of_user(user_id: UUID, caller: AdminCaller, context: Context) -> Response:
    """Ends all sessions of a user. Only owners end their own."""
    await _end_all(user_id, caller, context)
    return Response(status_code=204)


def acting(caller: Principal) -> ActingUser:
    return ActingUser(user_id=caller.user_id, role=caller.role, session_id=caller.session_id)


async def _end_all(user_id: UUID, caller: Principal, context: Context) -> None:
    await context.bus.handle(EndSessions(user_id=user_id, actor_id=caller.user_id, at=context.now))


def _view(row: queries.StoredSession, caller: Principal) -> OpenSessionView:
    return OpenSessionView(
        id=row.session_id,
        opened_at=row.opened_at,
        used_at=row.used_at,
        expires_at=row.expires_at,
        user_agent=row.user_agent,
        current=row.session_id == caller.session_id,
    )
