"""Background work: what asks for money, and it alone; and reports."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy import func, select

from services.billing.commands import BeginCharge
from services.billing.domain import AttemptStatus
from services.billing.domain.attempts import RESOLVED_AFTER
from services.billing.handlers.paying import begin_charge
from services.billing.jobs.asking import TRIES, ask, ask_patiently
from services.billing.jobs.question import Question, pending_question, question_about
from services.billing.jobs.reporting import generate_report
from services.billing.ports import OutcomeUnknown, ProviderUnavailable, Resources
from services.billing.tables import payment_attempts
from shared.jobs.context import JobContext
from shared.jobs.declaration import Job, Scheduled
from shared.kernel.ids import new_id

log = structlog.get_logger()

ROUND = timedelta(seconds=30)
"""How long one round of the sweep takes up attempts."""
MOST_A_ROUND = 200


async def charge_invoice(job: JobContext[Resources], invoice_id: UUID) -> str | None:
    """Gives back how the attempt stands; None where there was nothing to charge."""
    question = await _begin(job, invoice_id)
    return None if question is None else await ask_patiently(job, question)


async def retry_payment(job: JobContext[Resources], invoice_id: UUID) -> str | None:
    """The same for a step of the dunning, and for a payment that somebody asked for."""
    return await charge_invoice(job, invoice_id)


async def refund_payment(job: JobContext[Resources], refund_id: UUID) -> str | None:
    """Gives back how the refund stands; None where it was settled already. Raises NotFound."""
    question = await pending_question(job, refund_id)
    return None if question is None else await ask_patiently(job, question)


async def resolve_attempts(job: JobContext[Resources]) -> int:
    """Finds out what became of attempts that nobody settled, without end; gives back how many it settled."""
    settled, end = 0, job.resources.clock.now() + ROUND
    for attempt_id in await _overdue(job):
        if job.resources.clock.now() >= end:
            break
        try:
            settled += await _resolve(job, attempt_id)
        except ProviderUnavailable as error:
            log.warning("payment_provider_unavailable", tenant_id=str(job.tenant_id), reason=str(error))
            break
        except OutcomeUnknown as error:
            log.warning("payment_attempt_unresolved", attempt_id=str(attempt_id), reason=str(error))
    return settled


async def _begin(job: JobContext[Resources], invoice_id: UUID) -> Question | None:
    """Commits the attempt: from here on it is known that the provider may have been asked."""
    command = BeginCharge(
        invoice_id=invoice_id,
        attempt_id=new_id(),
        ordered_by=job.idempotency_key,
        at=job.resources.clock.now(),
    )
    async with job.begin() as uow:
        attempt = await begin_charge(command, uow)
        if attempt is None:
            return None
        return await question_about(attempt, uow, job.tenant_id, is_new=attempt.id == command.attempt_id)


async def _resolve(job: JobContext[Resources], attempt_id: UUID) -> bool:
    question = await pending_question(job, attempt_id)
    return question is not None and await ask(job, question) is not AttemptStatus.PENDING


async def _overdue(job: JobContext[Resources]) -> Sequence[UUID]:
    """In no order: some on which the provider keeps silent must not keep the same others waiting round after round."""
    columns, before = payment_attempts.c, job.resources.clock.now() - RESOLVED_AFTER
    overdue = (columns.status == AttemptStatus.PENDING.value, columns.created_at <= before)
    query = select(columns.id).where(*overdue).order_by(func.random()).limit(MOST_A_ROUND)
    async with job.begin() as uow:
        return (await uow.rows.execute(query)).scalars().all()


JOBS: Sequence[Job] = [
    Job(charge_invoice, max_tries=TRIES),
    Job(retry_payment, max_tries=TRIES),
    Job(refund_payment, max_tries=TRIES),
    Job(resolve_attempts, timeout_seconds=150),
    Job(generate_report, timeout_seconds=300),
]

SCHEDULE: Sequence[Scheduled] = [Scheduled("resolve_attempts", every=timedelta(minutes=1))]
