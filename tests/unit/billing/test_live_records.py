"""Records of a newer release end the live view before it commits their offsets."""

from typing import Any, cast

import pytest
from faust.types import TopicT

from schemas.billing import InvoicePaid
from services.billing.live.repartitioner import Repartitioner
from services.billing.live.tables import LiveTables
from services.billing.live.window_counter import WindowCounter
from tests.fixtures.movements import CODEC
from tests.unit.billing.invoices import paid
from waypost.kernel.clock import SystemClock
from waypost.kernel.envelope import Record
from waypost.kernel.errors import NewerSchema
from waypost.schemas.codec import NEWER_SCHEMAS
from waypost.testing.envelopes import envelope_of, record_of

NOT_USED = cast(Any, None)
REPARTITIONER = Repartitioner(CODEC, cast(TopicT, NOT_USED), 8, "live")
COUNTER = WindowCounter(CODEC, cast(LiveTables, NOT_USED), cast(TopicT, NOT_USED), SystemClock(), "live")


def written_with(schema_id: int) -> Record:
    (event,) = (event for event in paid().recorded if isinstance(event, InvoicePaid))
    record = record_of(envelope_of(event), CODEC)
    assert record.value is not None
    return record._replace(value=record.value[:1] + schema_id.to_bytes(4, "big") + record.value[5:])


@pytest.mark.parametrize("process", [REPARTITIONER.process, COUNTER.process], ids=["repartitioner", "counter"])
async def test_a_record_of_a_newer_release_is_not_skipped(process: Any) -> None:
    newest = max(CODEC._formats.by_id)
    with pytest.raises(NewerSchema):
        await process(written_with(newest + 1))
    await process(written_with(newest + NEWER_SCHEMAS + 1))  # of another producer: skipped
