"""The identity of a difference between the ledger and the provider's list."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

from services.billing.jobs.reconciliation import differences
from services.billing.ports import ProviderCharge
from services.billing.queries.reconciliation import BookedCharge
from waypost.kernel.money import Money

AT = datetime(2026, 3, 1, tzinfo=UTC)
LATER = datetime(2026, 3, 2, tzinfo=UTC)
INVOICE = uuid4()
AMOUNT, PART = 24_690, 690


def identity(*, booked: int | None, refunded: int | None) -> UUID:
    """The id of the difference. `booked` is the amount in the ledger, net of refunds; None means no
    charge, as for `refunded`.
    """
    ours = [_booked(booked)] if booked is not None else []
    theirs = [_listed(refunded)] if refunded is not None else []
    [found] = differences(theirs, ours, {charge.id for charge in ours}, LATER)
    return found.id


def test_other_amounts_are_another_difference() -> None:
    """The gap of the first two is equal: two lost refunds of one amount, the first one booked."""
    states: list[dict[str, int | None]] = [
        {"booked": AMOUNT, "refunded": PART},
        {"booked": AMOUNT - PART, "refunded": 2 * PART},
        {"booked": AMOUNT - PART, "refunded": 0},
        {"booked": None, "refunded": 0},
        {"booked": AMOUNT, "refunded": None},
    ]
    found = [identity(**state) for state in states]
    assert len(set(found)) == len(states)
    assert found == [identity(**state) for state in states]


def _booked(net: int) -> BookedCharge:
    return BookedCharge(id="ch_1", invoice_id=INVOICE, net_minor=net, currency="EUR", created_at=AT, is_undecided=False)


def _listed(refunded: int) -> ProviderCharge:
    return ProviderCharge(
        id="ch_1", amount=Money(AMOUNT, "EUR"), refunded_minor=refunded, created_at=AT, attempt_id=None
    )
