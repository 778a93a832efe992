"""A producer that ends with batches on their way leaves no exception that Python reports at
exit.
"""

import asyncio
import gc
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.structs import TopicPartition

from waypost.kafka.producer import end_producer


async def test_batches_that_were_given_up_are_not_reported() -> None:
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    try:
        await end_with_an_open_batch()
        gc.collect()
    finally:
        asyncio.get_running_loop().set_exception_handler(None)
    assert reported == []


async def end_with_an_open_batch() -> None:
    producer = AIOKafkaProducer(bootstrap_servers="127.0.0.1:1")
    batch = producer.create_batch()
    batch.append(key=b"key", value=b"value", timestamp=None)
    sending = asyncio.create_task(producer._message_accumulator.add_batch(batch, TopicPartition("topic", 0), 1))
    acknowledged = await sending
    acknowledged.cancel()
    await end_producer(producer)
