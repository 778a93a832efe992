"""Upkeep of webhooks: overdue deliveries, old rows, seals with old keys, redeliveries, and the mail
about an endpoint that was disabled.
"""

from datetime import datetime, timedelta
from uuid import UUID, uuid5

from services.notifications.commands import QueueNotification, RedeliverFailedWebhooks
from services.notifications.domain import NotificationKind
from services.notifications.handlers.notifications import queue_notification
from services.notifications.handlers.webhook_attempts import opened
from services.notifications.handlers.webhook_deliveries import make_failed_due
from services.notifications.handlers.webhook_endpoints import delete_endpoints_of_tenant
from services.notifications.handlers.webhook_retention import prune, seals_to_renew, store_seal
from services.notifications.handlers.webhook_sweep import enqueue_overdue
from services.notifications.ports import MailResources
from services.notifications.queries.mail_contents import owner
from services.notifications.queries.webhooks import is_closed, tenants_with_due_deliveries, tenants_with_endpoints
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Scheduled
from waypost.jobs.tenant_directory import tenants_with_rows
from waypost.kernel.errors import NotYet, Unavailable

PAGE = 1_000
"""Rows per transaction."""
PAGES = 20
"""Transactions of one job."""


async def sweep_webhooks(job: JobContext[MailResources]) -> None:
    """Enqueues the job of each endpoint with overdue deliveries: their own job may be dead or
    cancelled.
    """
    async with job.begin() as uow:
        await enqueue_overdue(job.clock.now(), uow)


async def prune_webhooks(job: JobContext[MailResources]) -> int:
    """Deletes expired deliveries, changes and secrets, those of deleted endpoints, and endpoints
    that were created while their tenant was closed. Returns the number of rows. Ends after a part
    of the work, and enqueues the next part.
    """
    deleted = 0
    async with job.begin() as uow:
        if await is_closed(uow.rows, job.tenant_id):
            await delete_endpoints_of_tenant(job.clock.now(), uow)
    for _ in range(PAGES):
        async with job.begin() as uow:
            count = await prune(job.clock.now(), PAGE, uow)
        deleted += count
        if count == 0:
            return deleted
    async with job.begin() as uow:
        await uow.jobs.enqueue("prune_webhooks", idempotency_key=f"after-{job.id}")
    return deleted


async def reseal_webhook_secrets(job: JobContext[MailResources]) -> int:
    """Seals secrets with the newest key that were sealed with an earlier one, so that the earlier
    key can be removed. Returns their number. Raises Unavailable, after the others, if a key is
    unknown: another process may have sealed with a key that this one gets with its next start.
    """
    opener, sealer = job.resources.opener, job.resources.sealer
    unknown: Unavailable | None = None
    async with job.begin() as uow:
        rows = await seals_to_renew(sealer.key_id, uow)
        for row in rows:
            try:
                [secret] = opened([row], opener)
            except Unavailable as error:
                unknown = error
            else:
                await store_seal(row, sealer.key_id, sealer.seal(secret), uow)
    if unknown is not None:
        raise unknown
    return len(rows)


async def redeliver_failed_webhooks(
    job: JobContext[MailResources], endpoint_id: UUID, since: datetime, until: datetime
) -> int:
    """Makes the failed deliveries from `since` to `until` due. Returns their number. Ends after a
    part of the work, and enqueues the next part.
    """
    made, command = 0, RedeliverFailedWebhooks(endpoint_id=endpoint_id, since=since, at=until)
    for _ in range(PAGES):
        async with job.begin() as uow:
            count = await make_failed_due(command, PAGE, uow)
        made += count
        if count == 0:
            return made
    async with job.begin() as uow:
        await uow.jobs.enqueue(
            "redeliver_failed_webhooks",
            idempotency_key=f"after-{job.id}",
            endpoint_id=endpoint_id,
            since=since,
            until=until,
        )
    return made


async def tell_of_disabled_webhook(
    job: JobContext[MailResources], endpoint_id: UUID, reason: str, at: datetime
) -> None:
    """Queues the mail to the owner. Waits until the owner is known."""
    async with job.begin() as uow:
        recipient_id = await owner(uow.rows)
        if recipient_id is None:
            raise NotYet("the owner of the tenant is not known yet")
        command = QueueNotification(
            notification_id=uuid5(endpoint_id, f"disabled {at.isoformat()}"),
            tenant_id=job.tenant_id,
            recipient_id=recipient_id,
            kind=NotificationKind.WEBHOOK_DISABLED,
            subject_type="webhook_endpoint",
            subject_id=endpoint_id,
            facts={"reason": reason, "endpoint_id": str(endpoint_id), "disabled_at": at.isoformat()},
            at=at,
        )
        await queue_notification(command, uow)


SWEEP = Scheduled(
    "sweep_webhooks",
    every=timedelta(minutes=5),
    tenants=tenants_with_rows(tenants_with_due_deliveries),
    skip_if_queued=True,
)
PRUNE = Scheduled("prune_webhooks", at="01:30", tenants=tenants_with_rows(tenants_with_endpoints), skip_if_queued=True)
RESEAL = Scheduled(
    "reseal_webhook_secrets", at="01:40", tenants=tenants_with_rows(tenants_with_endpoints), skip_if_queued=True
)
