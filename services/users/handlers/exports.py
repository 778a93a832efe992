"""Exports of a person's data. The row of an export exists as long as the credentials of its person:
an erasure deletes both, and waits for a transaction that writes the row.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from services.users.commands.exports import RequestExport
from services.users.domain import (
    EXPORT_LIFETIME,
    EXPORT_PAUSE,
    EXPORTS_OF_TENANT,
    DataExport,
    ExportForbidden,
    TooManyExports,
    UserIsErased,
)
from services.users.handlers.confirmation import require_confirmed
from services.users.handlers.sessions import lock_password_hash
from services.users.handlers.tenant_lock import lock_open_tenant
from services.users.queries.exports import export_of
from services.users.tables import exports
from waypost.kernel.ids import TenantId
from waypost.kernel.role import Role
from waypost.ports.unit_of_work import UnitOfWork

# Counts of concurrent requests would not see each other.
_SERIALIZE = "select pg_advisory_xact_lock(hashtextextended('exports of tenant ' || $1::text, 0))"


async def request_export(command: RequestExport, uow: UnitOfWork) -> DataExport:
    """Raises ExportForbidden, TenantIsClosed, ConfirmationRequired, UserIsErased,
    TooManyExports.
    """
    if command.user_id != command.actor.user_id and command.actor.role is not Role.OWNER:
        raise ExportForbidden
    (tenant_id,) = uow.tenants
    await lock_open_tenant(tenant_id, uow)
    await require_confirmed(command.actor, command.at, uow)
    await uow.query(_SERIALIZE, str(tenant_id))
    if await lock_password_hash(command.user_id, uow) is None:
        raise UserIsErased
    earlier = await export_of(uow.rows, command.user_id, command.at)
    if earlier is not None and command.at - earlier.requested_at < EXPORT_PAUSE:
        return earlier
    await _require_room(command, uow)
    export = DataExport(
        id=command.export_id,
        user_id=command.user_id,
        requested_by=command.actor.user_id,
        requested_at=command.at,
        expires_at=command.at + EXPORT_LIFETIME,
    )
    await _store(export, tenant_id, uow)
    await uow.jobs.enqueue("export_user", user_id=export.user_id, export_id=export.id)
    return export


async def finish_export(user_id: UUID, export_id: UUID, file: bytes, at: datetime, uow: UnitOfWork) -> bool:
    """Stores the file. Returns False, and stores nothing, if the person was erased meanwhile, or if
    a later export has replaced this one.
    """
    mine = (exports.c.user_id == user_id, exports.c.export_id == export_id)
    stored = await uow.rows.execute(update(exports).where(*mine).values(file=file, finished_at=at))
    return stored.rowcount == 1


async def _require_room(command: RequestExport, uow: UnitOfWork) -> None:
    """Raises TooManyExports. An export that this one replaces does not count."""
    theirs = exports.c.requested_by == exports.c.user_id
    if command.actor.role is Role.OWNER:
        theirs = (exports.c.requested_by != exports.c.user_id) | (exports.c.requested_by == command.actor.user_id)
    open_ones = select(func.count(), func.min(exports.c.expires_at)).where(
        exports.c.expires_at > command.at, exports.c.user_id != command.user_id, theirs
    )
    number, first_expiry = (await uow.rows.execute(open_ones)).one()
    if number >= EXPORTS_OF_TENANT:
        raise TooManyExports(EXPORTS_OF_TENANT, first_expiry - command.at)


async def _store(export: DataExport, tenant_id: TenantId, uow: UnitOfWork) -> None:
    values = {
        "export_id": export.id,
        "requested_by": export.requested_by,
        "requested_at": export.requested_at,
        "expires_at": export.expires_at,
        "finished_at": None,
        "file": None,
    }
    added = insert(exports).values(tenant_id=tenant_id, user_id=export.user_id, **values)
    await uow.rows.execute(added.on_conflict_do_update(index_elements=["tenant_id", "user_id"], set_=values))
