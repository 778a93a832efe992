"""The provider request of an attempt. It is the same on each retry, because attempts and payment
methods never change.
"""

from dataclasses import dataclass
from typing import TypedDict
from uuid import UUID

from sqlalchemy import select

from services.billing.domain import PaymentAttempt
from services.billing.handlers import attempt_rows
from services.billing.ports import ChargeOrder, RefundOrder, Resources
from services.billing.tables import payment_methods
from waypost.jobs.context import JobContext
from waypost.kernel.errors import NotFound
from waypost.kernel.ids import TenantId
from waypost.kernel.money import Money
from waypost.ports.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRequest:
    attempt: PaymentAttempt
    order: ChargeOrder | RefundOrder
    is_new: bool
    """True if this caller has just begun the attempt, so no earlier request exists."""


class _OrderFields(TypedDict):
    """Common fields of charges and refunds."""

    idempotency_key: str
    amount: Money
    tenant_id: TenantId
    invoice_id: UUID
    attempt_id: UUID


async def pending_request(job: JobContext[Resources], attempt_id: UUID) -> ProviderRequest | None:
    """The request of an existing attempt, or None if it is settled. Raises NotFound if the job's
    tenant has no such attempt.
    """
    async with job.begin() as uow:
        attempt = await attempt_rows.find(attempt_id, uow)
        if attempt is None:
            raise NotFound(f"there is no payment attempt {attempt_id}")
        return await request_for(attempt, uow, job.tenant_id, is_new=False) if attempt.is_pending else None


async def request_for(
    attempt: PaymentAttempt, uow: UnitOfWork, tenant_id: TenantId, *, is_new: bool
) -> ProviderRequest:
    order = _OrderFields(
        idempotency_key=attempt.idempotency_key,
        amount=attempt.amount,
        tenant_id=tenant_id,
        invoice_id=attempt.invoice_id,
        attempt_id=attempt.id,
    )
    if attempt.charge_id is not None:
        return ProviderRequest(attempt=attempt, order=RefundOrder(**order, charge_id=attempt.charge_id), is_new=is_new)
    token = await _token(attempt, uow)
    return ProviderRequest(attempt=attempt, order=ChargeOrder(**order, token=token), is_new=is_new)


async def _token(attempt: PaymentAttempt, uow: UnitOfWork) -> str | None:
    of_attempt = payment_methods.c.payment_method_id == attempt.payment_method_id
    result = await uow.rows.execute(select(payment_methods.c.token).where(of_attempt))
    return result.scalar_one_or_none()
