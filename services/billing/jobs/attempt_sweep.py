"""The sweep: resolves attempts that their own jobs left pending. Only tenants with such attempts
get the job.
"""

from datetime import timedelta
from uuid import UUID

import structlog

from services.billing.domain import AttemptStatus
from services.billing.domain.attempts import RESOLVED_AFTER
from services.billing.handlers import attempt_rows
from services.billing.jobs.payment_execution import execute_request
from services.billing.jobs.provider_request import pending_request
from services.billing.ports import OutcomeUnknown, ProviderUnavailable, Resources
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Scheduled
from waypost.jobs.tenant_directory import tenants_with_rows

log = structlog.get_logger()

RUN_TIME = timedelta(seconds=30)
"""Time limit for starting new look-ups in one run."""
BATCH_SIZE = 200


async def resolve_attempts(job: JobContext[Resources]) -> None:
    """Looks up each overdue attempt at the provider and settles it. Repeats every minute without
    limit.
    """
    now = job.clock.now
    settled, end = 0, now() + RUN_TIME
    async with job.begin() as uow:
        overdue = await attempt_rows.overdue(now() - RESOLVED_AFTER, BATCH_SIZE, uow)
    for attempt_id in overdue:
        if now() >= end:
            break
        try:
            settled += await _resolve(job, attempt_id)
        except ProviderUnavailable as error:
            log.warning("payment_provider_unavailable", tenant_id=str(job.tenant_id), reason=str(error))
            break
        except OutcomeUnknown as error:
            log.warning("payment_attempt_unresolved", attempt_id=str(attempt_id), reason=str(error))
    log.info("payment_attempts_swept", tenant_id=str(job.tenant_id), overdue=len(overdue), settled=settled)


async def _resolve(job: JobContext[Resources], attempt_id: UUID) -> bool:
    request = await pending_request(job, attempt_id)
    return request is not None and await execute_request(job, request) is not AttemptStatus.PENDING


SWEEP = Scheduled(
    "resolve_attempts",
    every=timedelta(minutes=1),
    tenants=tenants_with_rows(attempt_rows.tenants_with_overdue),
    skip_if_queued=True,
)
