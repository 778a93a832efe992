"""Each check of topics and positions, on a real broker."""

import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import RecordsToDelete

from tests.integration.operations.doctor.patient import Patient, healthy
from waypost.kafka.catalog import CatalogedTopic, catalog
from waypost.kafka.topic_creation import ensure_topics
from waypost.kernel.topic import Topic
from waypost.operations.doctor import examine_topics
from waypost.operations.doctor.cluster import partitions, replication
from waypost.operations.doctor.live_view import live_view
from waypost.testing.database import Databases
from waypost.testing.eventually import eventually
from waypost.testing.topics import admin, unique

POSITION = "insert into consumer_offsets (consumer, topic, partition, next_offset) values ('users.tenants', $1, 0, $2)"
TWO_MINUTES_MS = 120_000


@pytest.fixture
async def declared(kafka: str) -> Topic:
    unlimited = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}
    topic = Topic(name=unique("users.tenant"), purpose="test", partitions=1, replication=1, configuration=unlimited)
    await ensure_topics(kafka, [topic])
    await eventually(lambda: is_listed(kafka, topic.name))
    return topic


@pytest.fixture
async def patient(database: Databases, kafka: str, declared: Topic) -> AsyncIterator[Patient]:
    async with healthy(await database("users"), bootstrap=kafka, topic=declared.name) as patient:
        yield patient


async def is_listed(kafka: str, name: str) -> bool:
    return name in {topic.name for topic in await catalog(kafka)}


async def write(kafka: str, topic: str, records: int, value: bytes = b"") -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        for _ in range(records):
            written_ms = int(time.time() * 1000) - TWO_MINUTES_MS
            await producer.send_and_wait(topic, value, partition=0, timestamp_ms=written_ms)


async def delete_first(kafka: str, topic: str, records: int) -> None:
    async with admin(kafka) as client:
        await client.delete_records({TopicPartition(topic, 0): RecordsToDelete(before_offset=records)})


async def commit(kafka: str, group: str, topic: str, offset: int) -> None:
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, group_id=group)
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, 0)])
        await consumer.commit({TopicPartition(topic, 0): offset})
    finally:
        await consumer.stop()


@pytest.mark.parametrize(
    ("value", "problem", "remedy"),
    [
        (
            b"\0" + (900_000).to_bytes(4, "big") + b"event",
            "offset 0, for the release that has the schema id 900000",
            "--reset-offsets --to-offset 1 --execute",
        ),
        (b"event", "1 partitions for more than a minute: no process is in its group", "/readyz?verbose"),
    ],
)
async def test_a_live_view_that_does_not_read_is_named(
    kafka: str, declared: Topic, patient: Patient, value: bytes, problem: str, remedy: str
) -> None:
    examined = replace(patient.examined, name=unique("users"))
    assert await live_view(examined) == [], "a service without a live view"
    await write(kafka, declared.name, 1, value)
    await commit(kafka, f"{examined.name}.live", declared.name, 0)
    (finding,) = await live_view(examined)
    assert problem in finding.problem
    assert remedy in finding.remedy
    await commit(kafka, f"{examined.name}.live", declared.name, 1)
    assert await live_view(examined) == []


async def test_healthy_topics_and_positions_have_no_findings(kafka: str, declared: Topic, patient: Patient) -> None:
    await write(kafka, declared.name, 2)
    await patient.change(POSITION, declared.name, 2)
    assert (await examine_topics(kafka, [declared])).diagnoses == []
    assert await patient.diagnoses() == []


async def test_a_consumer_that_is_behind(kafka: str, declared: Topic, patient: Patient) -> None:
    await write(kafka, declared.name, 3)
    await patient.change(POSITION, declared.name, 1)
    (diagnosis,) = await patient.diagnoses()
    assert diagnosis.check == "lag"
    assert "users.tenants is 2 records behind, on 1 partitions for more than a minute" in diagnosis.problem
    assert "python -m services.users worker" in diagnosis.remedy


async def test_a_consumer_of_a_topic_that_does_not_exist(patient: Patient) -> None:
    await patient.change("update declared_consumers set topics = array['users.nothing']")
    (diagnosis,) = await patient.diagnoses()
    assert diagnosis.problem == "users.tenants consumes users.nothing, which does not exist"
    assert "waypost events republish users.nothing" in diagnosis.remedy


async def test_records_that_were_deleted_unread(kafka: str, declared: Topic, patient: Patient) -> None:
    await write(kafka, declared.name, 3)
    await delete_first(kafka, declared.name, 3)
    await patient.change(POSITION, declared.name, 1)
    diagnoses = [each for each in await patient.diagnoses() if each.check == "lost-records"]
    assert [each.problem for each in diagnoses] == [
        f"users.tenants has not read 2 records of {declared.name}/0, which were deleted"
    ]
    assert diagnoses[0].remedy == (f"waypost events republish {declared.name} --reason '…'")


async def test_a_topic_that_lost_its_last_records(kafka: str, declared: Topic, patient: Patient) -> None:
    await write(kafka, declared.name, 1)
    await patient.change(POSITION, declared.name, 5)
    await patient.change("update declared_consumers set kind = 'reactor'")
    (diagnosis,) = await patient.diagnoses()
    assert f"{declared.name}/0 has lost its last 4 records, which users.tenants has read" in diagnosis.problem
    assert diagnosis.remedy == f"waypost events republish {declared.name} --reason '…'"


async def test_deleted_records_are_a_note(kafka: str, declared: Topic) -> None:
    await write(kafka, declared.name, 2)
    await delete_first(kafka, declared.name, 1)
    (diagnosis,) = (await examine_topics(kafka, [declared])).diagnoses
    assert (diagnosis.check, diagnosis.is_note) == ("deleted-records", True)
    assert f"waypost events republish {declared.name} --dry-run" in diagnosis.remedy


async def test_a_topic_that_differs_from_its_declaration(kafka: str, declared: Topic) -> None:
    wanted = replace(
        declared, partitions=8, replication=3, configuration={"min.insync.replicas": "2", "retention.ms": "1000"}
    )
    lines = {
        each.check: each for each in (await examine_topics(kafka, [wanted])).diagnoses if each.check != "replication"
    }
    assert "has 1 partitions, and topics.yaml says 8" in lines["partitions"].problem
    assert "write 1 in topics.yaml" in lines["partitions"].remedy
    assert "has retention.ms -1, and topics.yaml says 1000" in lines["retention"].problem
    assert (
        f"kafka-configs --bootstrap-server BROKERS --alter --entity-type topics --entity-name {declared.name}"
        in lines["retention"].remedy
    )
    replicas, insync = [
        each for each in (await examine_topics(kafka, [wanted])).diagnoses if each.check == "replication"
    ]
    assert "has 1 replicas, and topics.yaml says 3" in replicas.problem
    assert "kafka-reassign-partitions" in replicas.remedy
    assert "has min.insync.replicas 1, and topics.yaml says 2" in insync.problem
    assert "--add-config min.insync.replicas=2" in insync.remedy


async def test_a_topic_that_does_not_exist(kafka: str, declared: Topic) -> None:
    (diagnosis,) = (await examine_topics(kafka, [replace(declared, name="users.nothing")])).diagnoses
    assert diagnosis.problem == "users.nothing does not exist"
    assert "waypost events republish users.nothing" in diagnosis.remedy


async def test_partitions_without_a_leader_and_replicas_that_lag(kafka: str, declared: Topic) -> None:
    (found,) = [topic for topic in await catalog(kafka) if topic.name == declared.name]
    without_leader: CatalogedTopic = replace(found, leaderless=[0])
    (lost,) = partitions(declared, without_leader)
    assert "has no leader for partitions 0: they take no records" in lost.problem
    (behind,) = replication(declared, replace(found, replication=3, in_sync=1))
    assert "has partitions with 1 of 3 replicas in sync" in behind.problem


async def test_a_topic_of_keys_that_keeps_replaced_records(kafka: str, declared: Topic) -> None:
    wanted = replace(declared, configuration={"max.compaction.lag.ms": "3600000"})
    (diagnosis,) = (await examine_topics(kafka, [wanted])).diagnoses
    assert diagnosis.check == "retention"
    assert "has max.compaction.lag.ms 9223372036854775807, and topics.yaml says 3600000" in diagnosis.problem
    assert diagnosis.remedy.endswith("--add-config max.compaction.lag.ms=3600000")
