"""The broker as a component."""

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from waypost.testing.eventually import eventually
from waypost.testing.kafka import Broker


async def test_broker_log_survives_a_kill(own_kafka: Broker) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=own_kafka.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic("kept", num_partitions=1, replication_factor=1)])
    await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=own_kafka.bootstrap, acks="all") as producer:
        await producer.send_and_wait("kept", b"a fact")

    await own_kafka.kill()
    await own_kafka.start()

    async with AIOKafkaConsumer(
        "kept", bootstrap_servers=own_kafka.bootstrap, auto_offset_reset="earliest"
    ) as consumer:
        assert (await consumer.getone()).value == b"a fact"


async def test_a_paused_broker_answers_again_once_resumed(own_kafka: Broker) -> None:
    own_kafka.pause()
    own_kafka.resume()
    assert await eventually(own_kafka.is_reachable)


async def test_topics_are_never_made_by_a_typing_error(kafka: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        (description,) = await admin.describe_topics(["user.users"])
        assert description["error_code"] == 3  # UNKNOWN_TOPIC_OR_PARTITION
        assert "user.users" not in await admin.list_topics()
    finally:
        await admin.close()
