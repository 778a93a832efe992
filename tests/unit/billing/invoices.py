"""Invoices and attempts for tests."""

from datetime import UTC, datetime
from uuid import uuid4

from services.billing.domain import AttemptKind, AttemptStatus, Invoice, PaymentAttempt, TaxRate
from services.billing.domain.attempts import charge_key, refund_key
from services.billing.domain.tax import ppm_of
from waypost.kernel.ids import TenantId
from waypost.kernel.money import Money

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def draft(currency: str = "EUR") -> Invoice:
    return Invoice.create(uuid4(), TenantId(uuid4()), customer_id=uuid4(), currency=currency, at=NOW)


def with_line(
    invoice: Invoice, quantity: int = 2, unit_amount_minor: int = 12_345, rate: TaxRate | None = None
) -> Invoice:
    price = Money(unit_amount_minor, invoice.currency)
    invoice.add_line(uuid4(), "Difference engine", quantity, price, NOW, rate)
    return invoice


def tax_rate(percentage: str = "19", *, inclusive: bool = False, name: str = "VAT") -> TaxRate:
    return TaxRate(id=uuid4(), name=name, ppm=ppm_of(percentage), inclusive=inclusive, created_at=NOW)


def opened(number: int = 7) -> Invoice:
    invoice = with_line(draft())
    invoice.finalize(number, due_at=NOW, at=NOW)
    return invoice


def paid() -> Invoice:
    invoice = opened()
    invoice.pay(charge_of(invoice), "ch_1", NOW)
    return invoice


def charge_of(invoice: Invoice, number: int = 1) -> PaymentAttempt:
    return PaymentAttempt(
        id=uuid4(),
        invoice_id=invoice.id,
        kind=AttemptKind.CHARGE,
        number=number,
        idempotency_key=charge_key(invoice.id, number),
        amount=invoice.total,
        status=AttemptStatus.PENDING,
        payment_method_id=uuid4(),
        charge_id=None,
        reason=None,
        created_at=NOW,
    )


def refund_of(invoice: Invoice, amount_minor: int) -> PaymentAttempt:
    refund_id = uuid4()
    return PaymentAttempt(
        id=refund_id,
        invoice_id=invoice.id,
        kind=AttemptKind.REFUND,
        number=1,
        idempotency_key=refund_key(refund_id),
        amount=Money(amount_minor, invoice.currency),
        status=AttemptStatus.PENDING,
        payment_method_id=None,
        charge_id="ch_1",
        reason="requested",
        created_at=NOW,
    )
