"""Header names may be any bytes: a consumer continues, and returns them."""

import pytest
from aiokafka import AIOKafkaProducer

from waypost.kafka.topic_log import KafkaTopicLogs
from waypost.kernel.envelope import Record
from waypost.ports.subscription import Partition
from waypost.testing.raw_records import GZIP, PLAIN, RawRecord, send_raw
from waypost.testing.topics import create_topic, unique


@pytest.mark.parametrize("compression", [PLAIN, GZIP])
async def test_header_name_of_any_bytes_is_returned(kafka: str, compression: int) -> None:
    topic = await create_topic(kafka, unique("users.user"), partitions=1)
    headers = [[("x", b"1")], [("x", b"2"), ("caf\u00e9 \udcff", b"3")], [("x" * 9, b"4")], [("\udcc3(", b"")]]
    told = [RawRecord(key=b"k", value=b"%d" % n, headers=each) for n, each in enumerate(headers * 10)]
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        await send_raw(producer, topic, *told, compression=compression)
        await send_raw(producer, topic, *told, compression=compression)

    seen = list[Record]()
    async with KafkaTopicLogs(kafka).opened([Partition(topic, 0)]) as log:
        while len(seen) < 2 * len(told):
            seen += await log.read_any(max_records=7, timeout_seconds=0.2)
    assert [record.offset for record in seen] == list(range(2 * len(told)))
    assert [(this_record.value, list(this_record.headers)) for this_record in seen] == [
        (envelope.value, list(envelope.headers)) for envelope in told
    ] * 2
