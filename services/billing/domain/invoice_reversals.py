"""Reversals of a paid invoice: refunds, and disputes of the cardholder."""

from datetime import datetime
from uuid import UUID

from schemas.billing import InvoiceDisputeClosed, InvoiceDisputed, InvoiceRefunded, InvoiceRefundFailed
from services.billing.domain.attempts import PaymentAttempt
from services.billing.domain.errors import DisputeKnown, DisputeUnknown, InvoiceNotPaid, RefundTooLarge
from services.billing.domain.invoice_state import InvoiceState
from services.billing.domain.statuses import InvoiceStatus
from services.billing.domain.tax import refunded_tax
from waypost.kernel.money import Money


class InvoiceReversals(InvoiceState):
    def require_refundable(self, amount_minor: int) -> int:
        """Returns the invoice's number. Raises InvoiceNotPaid, RefundTooLarge."""
        number = self._require_paid()
        if amount_minor > self.refundable_minor:
            raise RefundTooLarge(f"at most {self.refundable_minor} can be refunded", left_minor=self.refundable_minor)
        return number

    def refund(self, refund: PaymentAttempt, reason: str, provider_refund_id: str, at: datetime) -> None:
        """Reason: requested, duplicate, fraudulent. The refund contains its part of the tax. Raises
        InvoiceNotPaid, RefundTooLarge.
        """
        self.record(
            InvoiceRefunded(
                **self.identity(),
                number=self.require_refundable(refund.amount.amount_minor),
                refund_id=refund.id,
                amount_minor=refund.amount.amount_minor,
                reason=reason,
                provider_refund_id=provider_refund_id,
                refunded_at=at,
                tax_minor=self._tax_in_refund(refund.amount.amount_minor),
            )
        )

    def fail_refund(self, refund: PaymentAttempt, reason: str, *, requested_by: UUID | None, at: datetime) -> None:
        """A refund that was booked counts as paid again. Raises InvoiceNotPaid."""
        self.record(
            InvoiceRefundFailed(
                **self.identity(),
                number=self._require_paid(),
                refund_id=refund.id,
                amount_minor=refund.amount.amount_minor,
                reason=reason,
                requested_by=requested_by,
                was_booked=refund.id in self.refunds,
                failed_at=at,
                tax_minor=self.refunded_taxes.get(refund.id, 0),
            )
        )

    def dispute(self, dispute_id: str, amount: Money, reason: str, at: datetime) -> None:
        """The provider withdrew the amount. Raises InvoiceNotPaid, RefundTooLarge, DisputeKnown."""
        if self.has_seen_dispute(dispute_id):
            raise DisputeKnown
        self.record(
            InvoiceDisputed(
                **self.identity(),
                number=self.require_refundable(amount.amount_minor),
                dispute_id=dispute_id,
                amount_minor=amount.amount_minor,
                reason=reason,
                disputed_at=at,
            )
        )

    def has_seen_dispute(self, dispute_id: str) -> bool:
        return dispute_id in self.disputes or self.has_closed_dispute(dispute_id)

    def has_closed_dispute(self, dispute_id: str) -> bool:
        return dispute_id in self.closed_disputes

    def close_dispute(self, dispute_id: str, *, won: bool, at: datetime) -> None:
        """Raises DisputeUnknown for a dispute that is not open."""
        if dispute_id not in self.disputes or self.has_closed_dispute(dispute_id):
            raise DisputeUnknown
        self.record(
            InvoiceDisputeClosed(
                **self.identity(),
                number=self._require_paid(),
                dispute_id=dispute_id,
                amount_minor=self.disputes[dispute_id],
                outcome="won" if won else "lost",
                closed_at=at,
            )
        )

    def _tax_in_refund(self, amount_minor: int) -> int:
        return refunded_tax(
            amount_minor,
            total=self.total_minor,
            tax=self.tax_minor,
            refunded=self.amount_refunded_minor,
            refunded_tax=self.refunded_tax_minor,
        )

    def _require_paid(self) -> int:
        if self.status is not InvoiceStatus.PAID or self.number is None:
            raise InvoiceNotPaid
        return self.number
