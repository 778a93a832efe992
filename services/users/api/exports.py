"""The export of a person's data (GDPR, articles 15 and 20): requested here, written by a job."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from services.users.api.context import Context
from services.users.api.own_sessions import acting
from services.users.commands.exports import RequestExport
from services.users.domain import DataExport, ExportForbidden, ExportStatus, ExportUnfinished
from services.users.handlers.confirmation import require_confirmed
from services.users.queries.exports import export_of, file_of
from waypost.kernel.errors import NotFound
from waypost.kernel.ids import new_id
from waypost.kernel.role import Role
from waypost.web.auth import Caller
from waypost.web.idempotency import Executor
from waypost.web.models import ResponseModel
from waypost.web.principal import Principal
from waypost.web.responses import shown

router = APIRouter(prefix="/users/{user_id}/export", tags=["users"])

_EXAMPLE = {
    "profile": {"email": "ada@example.com", "display_name": "Ada Lovelace"},
    "sessions": [],
    "history": [{"type": "user.created", "version": 1}],
}


class ExportView(ResponseModel):
    id: UUID
    user_id: UUID
    status: ExportStatus = Field(examples=["ready"])
    requested_by: UUID
    requested_at: datetime
    finished_at: datetime | None
    expires_at: datetime
    """After it the file is no longer served."""


@router.post("", status_code=202, response_model=ExportView)
async def request_export(user_id: UUID, caller: Caller, context: Context, execute: Executor) -> Response:
    """Prepares a JSON file with everything that this service holds about the person: profile,
    sessions, history, sent invitations and what billing says of them.

    Users export their own data; the owner also that of other users of the tenant. Requires a
    session that was confirmed recently. A request within 15 minutes of the last one returns the
    export of the last one. At most 100 exports of people and 100 of the owner exist at a time; each
    expires after a day.
    """
    _require_visible(caller, user_id)
    command = RequestExport(user_id=user_id, export_id=new_id(), actor=acting(caller), at=context.now)
    return await execute(command, lambda export: _accepted(export, user_id))


@router.get("")
async def show_export(user_id: UUID, caller: Caller, context: Context) -> ExportView:
    """Shows the person's export: `preparing`, or `ready` for the download. Request it again if it
    is still `preparing` after 15 minutes.
    """
    _require_visible(caller, user_id)
    await context.bus.authorize_reading()
    _require_self_or_owner(caller, user_id)
    async with context.bus.units.begin() as uow:
        export = await export_of(uow.rows, user_id, context.now)
    if export is None:
        raise _not_found(user_id)
    return ExportView.model_validate(export)


@router.get(
    "/file",
    response_class=Response,
    responses={200: {"description": "The file.", "content": {"application/json": {"example": _EXAMPLE}}}},
)
async def download_export(user_id: UUID, caller: Caller, context: Context) -> Response:
    """Returns the file of an export that is ready; 409 until then. Requires a session that was
    confirmed recently.
    """
    _require_visible(caller, user_id)
    await context.bus.authorize_reading()
    _require_self_or_owner(caller, user_id)
    async with context.bus.units.begin() as uow:
        await require_confirmed(acting(caller), context.now, uow)
        found = await file_of(uow.rows, user_id, context.now)
    if found is None:
        raise _not_found(user_id)
    export_id, file = found
    if file is None:
        raise ExportUnfinished
    headers = {"Content-Disposition": f'attachment; filename="export-{export_id}.json"', "Cache-Control": "no-store"}
    return Response(file, media_type="application/json", headers=headers)


def _accepted(export: DataExport, user_id: UUID) -> Response:
    return shown(ExportView.model_validate(export), status=202, location=f"/users/{user_id}/export")


def _require_visible(caller: Principal, user_id: UUID) -> None:
    if not caller.may_see(user_id):
        raise NotFound(f"there is no user {user_id}")


def _require_self_or_owner(caller: Principal, user_id: UUID) -> None:
    """The owner answers for the tenant's data. An admin sees neither the sessions of others nor
    their earlier addresses, which the file contains.
    """
    if caller.user_id != user_id and not caller.role.covers(Role.OWNER):
        raise ExportForbidden


def _not_found(user_id: UUID) -> NotFound:
    return NotFound(f"there is no export of user {user_id}: request one with POST, or its day is over")
