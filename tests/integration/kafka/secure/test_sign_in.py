"""Each way to sign in to a broker that has TLS and access rules, and each refusal."""

import base64
import json
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fixtures.secure_kafka import SecureKafka
from waypost.kafka.access import AccessRule, Operation, Resource
from waypost.kafka.consumer import KafkaSubscription
from waypost.kafka.producer import KafkaBroker
from waypost.kafka.refusals import AccessRefused
from waypost.kafka.topic_creation import ensure_topics
from waypost.kafka.topic_log import KafkaTopicLogs
from waypost.kernel.errors import Transient
from waypost.kernel.topic import Topic
from waypost.native.certificates import CertificateAuthority
from waypost.ports.broker import OutgoingRecord, TopicUnavailable
from waypost.ports.brokers import BrokerConnection, Brokers, Mechanism, SecurityProtocol
from waypost.ports.subscription import Partition
from waypost.testing.topics import unique


def rules(user: str, topic: str, *operations: Operation) -> Sequence[AccessRule]:
    return [
        AccessRule(user=user, resource=Resource.TOPIC, name=topic, operation=operation)
        for operation in (Operation.DESCRIBE, *operations)
    ]


def unsecured_token(subject: str, *, seconds: float) -> str:
    """A token as the broker's own validator for development accepts it: an unsecured JWS (RFC
    7515).
    """
    now = time.time()
    parts = ({"alg": "none"}, {"sub": subject, "iat": now, "exp": now + seconds})
    encoded = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    return ".".join(encoded) + "."


def record(topic: str, value: bytes = b"value") -> OutgoingRecord:
    return OutgoingRecord(topic, 0, b"key", value, (), int(time.time() * 1000))


async def write(brokers: Brokers, topic: str, value: bytes = b"value") -> None:
    async with KafkaBroker(brokers).publisher() as publisher:
        await publisher.partitions(topic)
        await publisher.sender(Partition(topic, 0)).send([record(topic, value)])


async def read(brokers: Brokers, topic: str) -> Sequence[bytes | None]:
    partition = Partition(topic, 0)
    async with KafkaTopicLogs(brokers).opened([partition]) as log:
        end, values = (await log.end_offsets())[partition], list[bytes | None]()
        while len(values) < end:
            values += [record.value for record in await log.read(partition, max_records=100, timeout_seconds=1)]
        return values


@pytest.fixture
async def topic(secure_kafka: SecureKafka) -> AsyncIterator[str]:
    name = unique("users.user")
    declared = Topic(name=name, purpose="", partitions=1, replication=1, configuration={"retention.ms": "-1"})
    await ensure_topics(secure_kafka.admin, [declared])
    yield name


@pytest.mark.parametrize("mechanism", [Mechanism.SCRAM_SHA_512])
async def test_a_user_with_a_password_writes_and_reads(
    secure_kafka: SecureKafka, topic: str, mechanism: Mechanism
) -> None:
    user = await secure_kafka.user("writer", rules("writer", topic, Operation.WRITE, Operation.READ))
    await write(user, topic)
    assert await read(user, topic) == [b"value"]
    await write(secure_kafka.admin, topic, b"by PLAIN")
    assert await read(secure_kafka.admin, topic) == [b"value", b"by PLAIN"]


async def test_a_certificate_signs_in(secure_kafka: SecureKafka, topic: str) -> None:
    await secure_kafka.user("certified", rules("certified", topic, Operation.WRITE, Operation.READ))
    connection = secure_kafka.by_certificate(secure_kafka.authority.issue("certified"))
    await write(connection, topic)
    assert await read(connection, topic) == [b"value"]


async def test_a_token_signs_in(secure_kafka: SecureKafka, topic: str, tmp_path: Path) -> None:
    await secure_kafka.user("token-user", rules("token-user", topic, Operation.WRITE, Operation.READ))
    (tmp_path / "token").write_text(unsecured_token("token-user", seconds=600))
    connection = secure_kafka.by_token(tmp_path / "token")
    await write(connection, topic)
    assert await read(connection, topic) == [b"value"]


async def refused(brokers: BrokerConnection, topic: str) -> str:
    """Each kind of client is refused with the same error."""
    messages = []
    for attempt in (write(brokers, topic), read(brokers, topic), join(brokers, topic), ensure_topics(brokers, [])):
        with pytest.raises(AccessRefused) as refusal:
            await attempt
        messages.append(str(refusal.value))
    assert len(set(messages)) == 1, messages
    return messages[0]


class _Nothing:
    async def assigned(self, partitions: frozenset[Partition]) -> None: ...
    async def revoked(self) -> None: ...


async def join(brokers: Brokers, topic: str, group: str = "group") -> None:
    subscription = KafkaSubscription(brokers, group)
    try:
        await subscription.join([topic], _Nothing())
        await subscription.poll(Partition(topic, 0), max_records=1, timeout_seconds=0.1)
    finally:
        await subscription.leave()


async def test_a_wrong_password_is_one_clear_error(secure_kafka: SecureKafka, topic: str, tmp_path: Path) -> None:
    user = await secure_kafka.user("mistyped", rules("mistyped", topic, Operation.READ))
    (tmp_path / "wrong").write_text("wrong")
    message = await refused(replace(user, password_file=tmp_path / "wrong"), topic)
    assert "refused mistyped: the sign-in failed" in message
    assert "WAYPOST_KAFKA_PASSWORD_FILE" in message


async def test_an_expired_token_is_one_clear_error(secure_kafka: SecureKafka, topic: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(unsecured_token("token-user", seconds=-60))
    message = await refused(secure_kafka.by_token(tmp_path / "token"), topic)
    assert "the sign-in failed" in message
    assert "WAYPOST_KAFKA_TOKEN_FILE must hold a token that is valid now" in message


async def test_an_unknown_authority_of_the_broker_is_one_clear_error(
    secure_kafka: SecureKafka, topic: str, tmp_path: Path
) -> None:
    other = CertificateAuthority(tmp_path, "another authority")
    message = await refused(replace(secure_kafka.admin, ca_file=other.certificate), topic)
    assert "the certificate of the broker was not accepted" in message
    assert "WAYPOST_KAFKA_CA_FILE" in message


async def test_a_host_name_that_is_not_in_the_certificate_is_one_clear_error(
    secure_kafka: SecureKafka, topic: str
) -> None:
    port = secure_kafka.admin.bootstrap.rpartition(":")[2]
    message = await refused(replace(secure_kafka.admin, bootstrap=f"localhost:{port}"), topic)
    assert "the certificate of the broker was not accepted: Hostname mismatch" in message


async def test_an_unknown_client_certificate_is_one_clear_error(
    secure_kafka: SecureKafka, topic: str, tmp_path: Path
) -> None:
    stranger = CertificateAuthority(tmp_path, "another authority").issue("certified")
    message = await refused(secure_kafka.by_certificate(stranger), topic)
    assert "TLS failed" in message
    assert "WAYPOST_KAFKA_CERTIFICATE_FILE" in message


async def test_a_plain_client_is_not_served(secure_kafka: SecureKafka, topic: str) -> None:
    with pytest.raises(Transient, match="no broker answers"):
        await read(secure_kafka.admin.bootstrap, topic)


async def test_the_plain_port_of_another_broker_is_named_with_the_protocol(
    kafka: str, secure_kafka: SecureKafka
) -> None:
    with pytest.raises(Transient, match=f"no broker answers at {kafka} by SASL_SSL"):
        await read(replace(secure_kafka.admin, bootstrap=kafka), "any")


async def test_a_missing_right_names_the_resource(secure_kafka: SecureKafka, topic: str) -> None:
    reader = await secure_kafka.user("reader", rules("reader", topic, Operation.READ))
    with pytest.raises(AccessRefused, match=r"reader: it has no right to the consumer group.*GroupAuthorization"):
        await join(reader, topic)
    member = await secure_kafka.user(
        "member", [AccessRule(user="member", resource=Resource.GROUP, name="group", operation=Operation.READ)]
    )
    with pytest.raises(AccessRefused, match="no right to the topic"):
        await join(member, topic)
    powerless = await secure_kafka.user("powerless")
    with pytest.raises(AccessRefused, match="powerless: it has no right to the cluster"):
        await write(powerless, topic)  # it may not write to any topic
    stranger = await secure_kafka.user("stranger", rules("stranger", "users.another", Operation.WRITE))
    with pytest.raises(TopicUnavailable, match="TopicAuthorizationFailedError"):
        await write(stranger, topic)
    with pytest.raises(AccessRefused, match="no right to the topic"):
        await read(stranger, topic)


def test_settings_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(Exception, match="set WAYPOST_KAFKA_SASL_MECHANISM"):
        BrokerConnection(bootstrap="a:1", security_protocol=SecurityProtocol.SASL_SSL)
