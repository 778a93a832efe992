"""Copies all movements of a tenant to one partition. Faust partitions a table like its source
topic, so without this step a tenant's totals would be split by invoice.
"""

from faust.types import TopicT

from services.billing.live.parser import MovementParser
from services.billing.live.producer import send
from waypost.engine.failpoints import failpoint
from waypost.kernel.envelope import Record
from waypost.kernel.partitioner import partition_for
from waypost.ports.codec import EventCodec
from waypost.telemetry.messaging import process_span
from waypost.telemetry.metrics import LIVE_RECORDS

AFTER_REPARTITION = failpoint("live.after_repartition")


class Repartitioner:
    """Copies records unchanged, with keys and headers. After a crash it copies some records again;
    the window counter detects duplicates.
    """

    def __init__(self, codec: EventCodec, topic: TopicT, partitions: int, consumer: str) -> None:
        self._parser = MovementParser(codec)
        self._topic = topic
        self._partitions = partitions
        self._consumer = consumer

    async def process(self, record: Record) -> None:
        """Raises NewerSchema."""
        message = self._parser.parse(record)
        if message.poison is not None:
            LIVE_RECORDS.labels("unreadable").inc()  # the service's own consumers dead-letter it
        if message.envelope is None or record.key is None or record.value is None:
            return
        partition = partition_for(str(message.envelope.tenant_id).encode(), self._partitions)
        with process_span(record, self._consumer):
            await send(self._topic, record.key, record.value, record.headers, partition)
        AFTER_REPARTITION.hit()
