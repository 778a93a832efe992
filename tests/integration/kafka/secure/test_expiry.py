"""Passwords, tokens, sessions and certificates that end while a process runs."""

import asyncio
import secrets
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
import structlog
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from tests.fixtures.secure_kafka import SecureKafka, running_secure_kafka
from tests.integration.kafka.secure.test_sign_in import read, record, rules, unsecured_token, write
from waypost.kafka.access import Operation, ensure_users
from waypost.kafka.expiring_connection import ExpiringConnection
from waypost.kafka.producer import KafkaBroker
from waypost.kafka.refusals import AccessRefused
from waypost.kafka.tls import ReloadingContext
from waypost.kafka.topic_creation import ensure_topics
from waypost.kafka.topic_log import KafkaTopicLogs
from waypost.kernel.topic import Topic
from waypost.native.certificates import CertificateAuthority
from waypost.native.ports import LOOPBACK
from waypost.ports.brokers import BrokerConnection, Brokers, SecurityProtocol
from waypost.ports.subscription import Partition
from waypost.testing.eventually import eventually
from waypost.testing.topics import admin, unique

SESSION_MILLISECONDS = 1000
SESSIONS = 4
"""So many sessions end during a test."""


@pytest.fixture(scope="module")
async def short_sessions() -> AsyncIterator[SecureKafka]:
    async with running_secure_kafka(session_milliseconds=SESSION_MILLISECONDS) as kafka:
        yield kafka


async def new_topic(kafka: SecureKafka) -> str:
    name = unique("users.user")
    declared = Topic(name=name, purpose="", partitions=1, replication=1, configuration={"retention.ms": "-1"})
    await ensure_topics(kafka.admin, [declared])
    return name


@pytest.fixture
def sign_ins(monkeypatch: pytest.MonkeyPatch) -> list[ExpiringConnection]:
    """The connections that have signed in, in order."""
    signed_in: list[ExpiringConnection] = []
    handshake = ExpiringConnection._do_sasl_handshake

    async def counted(self: ExpiringConnection) -> None:
        await handshake(self)
        signed_in.append(self)

    monkeypatch.setattr(ExpiringConnection, "_do_sasl_handshake", counted)
    return signed_in


async def write_until(sent: list[bytes], brokers: Brokers, topic: str, done: asyncio.Event) -> None:
    """Writes one record after the other by one producer."""
    async with KafkaBroker(brokers).publisher() as publisher:
        await publisher.partitions(topic)
        sender = publisher.sender(Partition(topic, 0))
        while not done.is_set():
            value = str(len(sent)).encode()
            await sender.send([record(topic, value)])
            sent.append(value)


@asynccontextmanager
async def writing(brokers: Brokers, topic: str) -> AsyncIterator[list[bytes]]:
    sent, done = list[bytes](), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(write_until(sent, brokers, topic, done))
        try:
            yield sent
        finally:
            done.set()


async def test_a_producer_and_a_reader_outlive_their_sessions(
    short_sessions: SecureKafka, sign_ins: list[ExpiringConnection], caplog: pytest.LogCaptureFixture
) -> None:
    topic = await new_topic(short_sessions)
    user = await short_sessions.user("writer", rules("writer", topic, Operation.WRITE, Operation.READ))
    partition, seen = Partition(topic, 0), list[bytes | None]()
    caplog.clear()
    sign_ins.clear()
    async with KafkaTopicLogs(user).opened([partition]) as log, writing(user, topic) as sent:
        while len(sign_ins) < SESSIONS * 2:
            seen += [each.value for each in await log.read(partition, max_records=500, timeout_seconds=0.1)]
    assert seen == sent[: len(seen)]
    assert await read(short_sessions.admin, topic) == sent  # nothing lost, doubled or out of order
    assert not [entry for entry in caplog.records if entry.levelname in ("WARNING", "ERROR")]


async def test_a_token_is_renewed_while_a_producer_runs(
    secure_kafka: SecureKafka, sign_ins: list[ExpiringConnection], tmp_path: Path
) -> None:
    topic, token = await new_topic(secure_kafka), tmp_path / "token"
    await secure_kafka.user("holder", rules("holder", topic, Operation.WRITE, Operation.READ))
    token.write_text(unsecured_token("holder", seconds=2))
    async with writing(secure_kafka.by_token(token), topic) as sent:
        await eventually(lambda: bool(sent))
        token.write_text(unsecured_token("holder", seconds=600))
        first, sign_ins[:] = list(sign_ins), []
        await eventually(lambda: bool(sign_ins))
        known = len(sent)
        await eventually(lambda: len(sent) > known)
    assert first
    assert await read(secure_kafka.admin, topic) == sent


async def test_a_password_is_replaced_while_a_producer_runs(
    short_sessions: SecureKafka, sign_ins: list[ExpiringConnection]
) -> None:
    topic = await new_topic(short_sessions)
    user = await short_sessions.user("rotated", rules("rotated", topic, Operation.WRITE))
    assert user.password_file is not None
    async with writing(user, topic) as sent:
        await eventually(lambda: bool(sent))
        password = secrets.token_urlsafe()
        user.password_file.write_text(password)
        await ensure_users(short_sessions.admin, {"rotated": password})
        sign_ins.clear()
        await eventually(lambda: bool(sign_ins))
        known = len(sent)
        await eventually(lambda: len(sent) > known)
    assert await read(short_sessions.admin, topic) == sent


async def test_a_producer_outlives_a_password_file_without_a_password(
    short_sessions: SecureKafka, sign_ins: list[ExpiringConnection]
) -> None:
    topic = await new_topic(short_sessions)
    user = await short_sessions.user("emptied", rules("emptied", topic, Operation.WRITE))
    assert user.password_file is not None
    async with writing(user, topic) as sent:
        await eventually(lambda: bool(sent))
        for spoil in (lambda file: file.write_text(""), Path.unlink):
            spoil(user.password_file)
            sign_ins.clear()
            await eventually(lambda: len(sign_ins) > 1)
            sent_before = len(sent)
            await eventually(partial(_has_more, sent, sent_before))
    assert await read(short_sessions.admin, topic) == sent


def _has_more(sent: list[bytes], known: int) -> bool:
    return len(sent) > known


async def test_the_certificate_of_a_running_broker_is_replaced(short_sessions: SecureKafka) -> None:
    kafka, topic = short_sessions, await new_topic(short_sessions)
    user = await kafka.user("steady", rules("steady", topic, Operation.WRITE))
    async with writing(user, topic) as sent:
        await eventually(lambda: bool(sent))
        old = await presented(kafka)
        kafka.authority.issue("kafka", hosts=[LOOPBACK])
        async with admin(kafka.admin) as client:
            await load_certificate(kafka, client)
        await eventually(lambda: is_presented(kafka))
        known = len(sent)
        await eventually(lambda: len(sent) > known)
    assert await presented(kafka) != old
    assert await read(kafka.admin, topic) == sent


async def presented(kafka: SecureKafka) -> str:
    """The certificate with which the broker answers a new client, as PEM."""
    host, _, port = kafka.admin.bootstrap.partition(":")
    return await asyncio.to_thread(ssl.get_server_certificate, (host, int(port)))


async def is_presented(kafka: SecureKafka) -> bool:
    return await presented(kafka) == kafka.certificate.certificate.read_text()


async def load_certificate(kafka: SecureKafka, client: AIOKafkaAdminClient) -> None:
    """The broker reads its certificate again when the setting is written, also with an equal
    value.
    """
    names = {"listener.name.sasl_ssl.ssl.keystore.location": str(kafka.certificate.both)}
    names["listener.name.sasl_ssl.ssl.keystore.type"] = "PEM"
    (_, answer) = await client.alter_configs([ConfigResource(ConfigResourceType.BROKER, "1", names)])
    assert [code for code, *_ in answer.resources] == [0], answer


async def test_a_client_certificate_is_replaced_while_the_process_runs(secure_kafka: SecureKafka) -> None:
    topic, now = await new_topic(secure_kafka), datetime.now(UTC)
    await secure_kafka.user("renewed", rules("renewed", topic, Operation.WRITE, Operation.READ))
    expired = secure_kafka.authority.issue(
        "renewed", valid_from=now - timedelta(days=2), valid_until=now - timedelta(days=1)
    )
    connection = secure_kafka.by_certificate(expired)
    with pytest.raises(AccessRefused, match="WAYPOST_KAFKA_CERTIFICATE_FILE must name a valid certificate"):
        await write(connection, topic)
    secure_kafka.authority.issue("renewed")
    await write(connection, topic)
    assert await read(connection, topic) == [b"value"]


def test_a_half_replaced_certificate_keeps_the_old_one(tmp_path: Path) -> None:
    authority = CertificateAuthority(tmp_path)
    old, other = authority.issue("client"), authority.issue("other")
    connection = BrokerConnection(
        bootstrap="a:1",
        security_protocol=SecurityProtocol.SSL,
        ca_file=authority.certificate,
        certificate_file=old.certificate,
        key_file=old.key,
    )
    context = ReloadingContext(connection)
    before = context._renewed()
    old.key.write_bytes(other.key.read_bytes())
    with structlog.testing.capture_logs() as logs:
        assert context._renewed() is before
    assert [entry["event"] for entry in logs] == ["certificates_not_reloaded"]
    old.certificate.write_bytes(other.certificate.read_bytes())
    assert context._renewed() is not before
    assert isinstance(context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="a"), ssl.SSLObject)
