"""Finds deliveries whose job was lost."""

from datetime import datetime, timedelta

from sqlalchemy import or_, select

from services.notifications.handlers.webhook_jobs import enqueue_sending, is_slow
from services.notifications.queries.webhook_tables import webhook_deliveries, webhook_endpoints
from waypost.ports.unit_of_work import UnitOfWork

OVERDUE_AFTER = timedelta(minutes=2)


async def enqueue_overdue(at: datetime, uow: UnitOfWork) -> None:
    """Enqueues the jobs of enabled endpoints with deliveries that are overdue and that no job is
    sending. Once per endpoint and hour: the key of a dead job stays.
    """
    columns, log = webhook_endpoints.c, webhook_deliveries.c
    overdue = (
        select(log.delivery_id)
        .where(
            log.tenant_id == columns.tenant_id,
            log.endpoint_id == columns.endpoint_id,
            log.status == "pending",
            log.next_attempt_at < at - OVERDUE_AFTER,
        )
        .exists()
    )
    is_free = or_(columns.leased_until.is_(None), columns.leased_until < at)
    is_running = or_(columns.resume_at.is_(None), columns.resume_at < at)
    query = select(webhook_endpoints).where(columns.enabled, is_free, is_running, overdue)
    for row in (await uow.rows.execute(query)).all():
        await enqueue_sending(
            row.endpoint_id, uow, is_slow=is_slow(row), key=f"sweep {row.endpoint_id} {at:%Y-%m-%dT%H}"
        )
