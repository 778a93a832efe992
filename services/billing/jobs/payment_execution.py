"""Executes a provider request and settles its attempt. No transaction is open during the
request.
"""

import structlog

from services.billing.commands import AbandonAttempt, RecordDecision
from services.billing.domain import AttemptStatus, PaymentAttempt
from services.billing.domain.attempts import NO_PAYMENT_METHOD
from services.billing.handlers.payment_attempts import abandon_attempt, record_decision
from services.billing.jobs.provider_request import ProviderRequest
from services.billing.ports import ChargeOrder, Decision, Declined, OutcomeUnknown, ProviderUnavailable, Resources
from waypost.engine.failpoints import failpoint
from waypost.jobs.context import JobContext

log = structlog.get_logger()

BEFORE_PROVIDER_REQUEST = failpoint("billing.before_provider_request")
AFTER_PROVIDER_RESPONSE = failpoint("billing.after_provider_response")

MAX_EXECUTIONS = 5
"""Limit of executions in which the job itself asks for the decision. Both errors of the provider
are `Transient` and use no attempt, so the job's `max_attempts` does not limit them.
"""


async def execute_or_leave_pending(job: JobContext[Resources], request: ProviderRequest) -> AttemptStatus:
    """Like `execute_request`, but returns PENDING if the decision is unknown after the execution
    number `MAX_EXECUTIONS`: the sweep `resolve_attempts` continues, also in an outage of any
    length. Both look the decision up before they send a request, under the same key.
    """
    try:
        return await execute_request(job, request)
    except (OutcomeUnknown, ProviderUnavailable):
        if job.executions < MAX_EXECUTIONS:
            raise
        return AttemptStatus.PENDING


async def execute_request(job: JobContext[Resources], request: ProviderRequest) -> AttemptStatus:
    """Looks up the decision of an earlier request first. Never sends a request under a key that the
    provider may have forgotten.

    Raises OutcomeUnknown, ProviderUnavailable: the attempt is still pending.
    """
    payments, clock, attempt, order = job.resources.payments, job.clock, request.attempt, request.order
    BEFORE_PROVIDER_REQUEST.hit()
    is_first = request.is_new and not attempt.is_forgotten(clock.now())
    decision = None if is_first else await payments.find(order)
    if decision is None:
        # Read the clock directly before the request: a process that was frozen for a day must not
        # charge when it resumes.
        if attempt.is_forgotten(clock.now()):
            return await _abandon(job, attempt)
        if isinstance(order, ChargeOrder) and order.token is None:
            if not request.is_new:
                return AttemptStatus.PENDING  # the card was removed, but an earlier request may still be running
            decision = Declined(reason=NO_PAYMENT_METHOD)  # the card was removed when the attempt began
        else:
            decision = await payments.execute(order)
    AFTER_PROVIDER_RESPONSE.hit()
    return await _settle(job, attempt, decision)


async def _settle(job: JobContext[Resources], attempt: PaymentAttempt, decision: Decision) -> AttemptStatus:
    command = RecordDecision(attempt_id=attempt.id, decision=decision, at=job.clock.now())
    async with job.begin() as uow:
        return await record_decision(command, uow) or attempt.status


async def _abandon(job: JobContext[Resources], attempt: PaymentAttempt) -> AttemptStatus:
    command = AbandonAttempt(attempt_id=attempt.id, at=job.clock.now())
    async with job.begin() as uow:
        await abandon_attempt(command, uow)
    log.warning("payment_attempt_abandoned", attempt_id=str(attempt.id))
    return AttemptStatus.ABANDONED
