"""Refunds stray payments: charges that came too late to pay their invoice."""

from uuid import UUID

from services.billing.commands import RecordDecision
from services.billing.domain.attempts import stray_refund_key
from services.billing.handlers import stray_payments
from services.billing.handlers.payment_attempts import record_decision
from services.billing.handlers.stray_payments import StrayStatus
from services.billing.ports import RefundOrder, Resources
from waypost.jobs.context import JobContext
from waypost.kernel.errors import NotFound


async def refund_stray_payment(job: JobContext[Resources], stray_payment_id: UUID) -> str:
    """Returns the payment's status. Raises NotFound, OutcomeUnknown, ProviderUnavailable.

    The whole charge is refunded: the provider cannot refund it twice, even if it has forgotten the
    key.
    """
    async with job.begin() as uow:
        stray = await stray_payments.find(stray_payment_id, uow)
    if stray is None:
        raise NotFound(f"there is no stray payment {stray_payment_id}")
    if stray.status is not StrayStatus.REFUNDING:
        return stray.status
    order = RefundOrder(
        idempotency_key=stray_refund_key(stray.id),
        amount=stray.amount,
        tenant_id=job.tenant_id,
        invoice_id=stray.invoice_id,
        attempt_id=stray.id,
        charge_id=stray.charge_id,
    )
    payments = job.resources.payments
    decision = await payments.find(order) or await payments.execute(order)
    async with job.begin() as uow:
        await record_decision(RecordDecision(attempt_id=stray.id, decision=decision, at=job.clock.now()), uow)
        settled = await stray_payments.find(stray.id, uow)
    return settled.status if settled else stray.status
