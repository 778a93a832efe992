"""What was read."""

from sqlalchemy.dialects.postgresql import insert

from services.notifications.commands import MarkRead
from services.notifications.handlers.presence import require_present
from services.notifications.queries.outgoing import notification
from services.notifications.tables import read_marks
from waypost.ports.unit_of_work import UnitOfWork


async def mark_read(command: MarkRead, uow: UnitOfWork) -> None:
    """Raises NotFound for a notification of anybody else, and for somebody who was erased."""
    await require_present(command.recipient_id, uow)
    await notification(uow.rows, command.notification_id, recipient_id=command.recipient_id)
    mark = {
        "tenant_id": command.tenant_id,
        "notification_id": command.notification_id,
        "recipient_id": command.recipient_id,
        "read_at": command.at,
    }
    await uow.rows.execute(insert(read_marks).values(mark).on_conflict_do_nothing())
