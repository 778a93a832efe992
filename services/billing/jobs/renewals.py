"""Renewals, every minute. Only open tenants with a due subscription get the job."""

from datetime import timedelta
from uuid import UUID

import structlog

from services.billing.commands import RenewSubscription
from services.billing.handlers import subscriptions
from services.billing.ports import Resources
from waypost.engine.failpoints import failpoint
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Scheduled
from waypost.jobs.tenant_directory import open_tenants, tenants_with_rows

log = structlog.get_logger()

IN_A_RENEWAL = failpoint("billing.in_a_renewal")
AFTER_A_RENEWAL = failpoint("billing.after_a_renewal")

RUN_TIME = timedelta(seconds=60)
"""Run time of one job; the next tick continues."""
BATCH_SIZE = 200


async def renew_subscriptions(job: JobContext[Resources]) -> None:
    """Begins each due period in its own transaction: a retry does not repeat committed renewals."""
    now = job.clock.now
    renewed, end = 0, now() + RUN_TIME
    while now() < end and (due := await _due(job)):
        for subscription_id in due:
            while now() < end and await _renew(job, subscription_id):
                renewed += 1
    log.info("subscriptions_renewed", tenant_id=str(job.tenant_id), periods=renewed)


async def _due(job: JobContext[Resources]) -> list[UUID]:
    async with job.begin() as uow:
        return list(await subscriptions.due_subscriptions(job.clock.now(), BATCH_SIZE, uow))


async def _renew(job: JobContext[Resources], subscription_id: UUID) -> bool:
    command = RenewSubscription(subscription_id=subscription_id, at=job.clock.now())
    async with job.begin() as uow:
        renewed = await subscriptions.renew_subscription(command, uow)
        IN_A_RENEWAL.hit()
    AFTER_A_RENEWAL.hit()
    return renewed


RENEWALS = Scheduled(
    "renew_subscriptions",
    every=timedelta(minutes=1),
    tenants=tenants_with_rows(subscriptions.tenants_with_due, among=open_tenants),
    skip_if_queued=True,
)
