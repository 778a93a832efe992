"""All movements of a tenant in one partition, whatever partition their invoice is in: Faust's
tables are split like the topic they are fed from, so that a tenant's totals would be split as well.
"""

from faust.types import TopicT

from services.billing.live.movements import PAYMENT_EVENTS
from services.billing.live.producer import send
from waypost.engine.consumer.message import Reader
from waypost.engine.failpoints import failpoint
from waypost.kernel.envelope import Record
from waypost.kernel.partitioning import partition_for
from waypost.ports.codec import EventCodec
from waypost.telemetry.messaging import process_span
from waypost.telemetry.metrics import LIVE_RECORDS

AFTER_REPARTITION = failpoint("live.after_repartition")


class Repartitioner:
    """Copies records as they are, keys and headers included. After a crash it copies some again:
    counting knows duplicates.
    """

    def __init__(self, codec: EventCodec, topic: TopicT, partitions: int, consumer: str) -> None:
        self._reader = Reader(codec, PAYMENT_EVENTS)
        self._topic = topic
        self._partitions = partitions
        self._consumer = consumer

    async def process(self, record: Record) -> None:
        message = self._reader.read(record)
        if message.poison is not None:
            LIVE_RECORDS.labels("unreadable").inc()  # the service's own consumers set it aside, with a letter
        if message.envelope is None or record.key is None or record.value is None:
            return
        partition = partition_for(str(message.envelope.tenant_id).encode(), self._partitions)
        with process_span(record, self._consumer):
            await send(self._topic, record.key, record.value, record.headers, partition)
        AFTER_REPARTITION.hit()
