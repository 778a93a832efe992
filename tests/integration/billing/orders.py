"""Orders as the jobs send them to the payment provider."""

from typing import Any
from uuid import UUID, uuid4

from services.billing.ports import ChargeOrder, RefundOrder
from waypost.kernel.ids import TenantId
from waypost.kernel.money import Money


def charge_order(card: str | None = "pm_card_visa", invoice_id: UUID | None = None, **changes: Any) -> ChargeOrder:
    invoice = invoice_id or uuid4()
    order: dict[str, Any] = {
        "idempotency_key": f"inv-{invoice}",
        "amount": Money(14_800, "EUR"),
        "tenant_id": TenantId(uuid4()),
        "invoice_id": invoice,
        "attempt_id": uuid4(),
        "token": card,
    }
    return ChargeOrder(**order | changes)


def refund_order(charge_id: str, amount_minor: int, **changes: Any) -> RefundOrder:
    refund = uuid4()
    order: dict[str, Any] = {
        "idempotency_key": f"ref-{refund}",
        "amount": Money(amount_minor, "EUR"),
        "tenant_id": TenantId(uuid4()),
        "invoice_id": uuid4(),
        "attempt_id": refund,
        "charge_id": charge_id,
    }
    return RefundOrder(**order | changes)
