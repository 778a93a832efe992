"""Amounts of one tenant, of any size, do not stop the totals of other tenants."""

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from schemas.billing import InvoicePaymentFailed
from tests.faults.live_rig import LiveRig
from tests.fixtures.movements import Invoices, Totals, WindowKey, publish
from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.testing.envelopes import envelope_of
from waypost.testing.eventually import eventually

HUGE = 5 * 10**18
"""Two of them exceed 64 bits."""
TENANT = uuid4()


async def test_amount_beyond_64_bits_is_skipped_only_in_its_window(live: LiveRig) -> None:
    now = datetime.now(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=2)
    noon, minute_later, evening = (midnight + timedelta(minutes=number) for number in (720, 721, 1080))
    others = Invoices(random.Random(7), now)  # noqa: S311 - stories, not secrets
    others.add(5)
    first, second, third = failed(HUGE, noon), failed(HUGE, minute_later), failed(7, evening)
    theirs: dict[WindowKey, Totals] = {
        **{window("minute", at): failures(HUGE) for at in (noon, minute_later)},
        window("hour", noon): failures(HUGE),
        window("day", midnight): failures(HUGE),
    }
    async with live.running():
        await publish(live.bootstrap, [first, second, *others.envelopes])
        await tells(live, {**others.windows(), **theirs})

        told = len(others.envelopes)
        others.add(10)
        await publish(live.bootstrap, [third, *others.envelopes[told:]])
        theirs |= {window("minute", evening): failures(7), window("hour", evening): failures(7)}
        theirs[window("day", midnight)] = failures(HUGE, 7)
        await tells(live, {**others.windows(), **theirs})


async def tells(live: LiveRig, expected: Mapping[WindowKey, Totals]) -> None:
    async def told() -> bool:
        assert await live.totals.latest() == expected
        return True

    await eventually(told, deadline_seconds=25)


def window(length: str, start: datetime) -> WindowKey:
    begin = start if length == "minute" else start.replace(minute=0)
    return TENANT, length, begin, "EUR"


def failures(*amounts: int) -> Totals:
    return 0, sum(amounts), 0, 0, len(amounts), 0


def failed(amount_minor: int, at: datetime) -> Envelope[Event]:
    invoice_id = uuid4()
    event = InvoicePaymentFailed(
        tenant_id=TENANT,
        invoice_id=invoice_id,
        customer_id=uuid4(),
        currency="EUR",
        number=1,
        amount_minor=amount_minor,
        attempt_id=uuid4(),
        attempt=1,
        reason="no_payment_method",
        next_attempt_at=None,
        failed_at=at,
    )
    return envelope_of(event, invoice_id, 3)
