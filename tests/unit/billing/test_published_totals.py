"""The totals that the tests of the live view read from its topic."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from schemas.billing import RevenueWindowTotaled
from tests.fixtures.movements import CODEC, PublishedTotals
from waypost.testing.envelopes import envelope_of, record_of
from waypost.testing.topics import TopicReader


class OneRecord(TopicReader):
    """A record that the live view never writes: with a sequence number."""

    def __init__(self) -> None:
        event = RevenueWindowTotaled(
            tenant_id=uuid4(),
            window="day",
            window_start=datetime(2026, 11, 25, tzinfo=UTC),
            currency="EUR",
            paid_minor=1,
            failed_minor=0,
            refunded_minor=0,
            paid_count=1,
            failed_count=0,
            refunded_count=0,
            revision=1,
        )
        self._records = [record_of(envelope_of(event), CODEC)]

    async def read(self) -> Sequence[object]:
        records, self._records = self._records, []
        return records


async def test_a_wrong_record_fails_every_look() -> None:
    totals = PublishedTotals(OneRecord())
    for _ in range(2):
        with pytest.raises(AssertionError):
            await totals.latest()
