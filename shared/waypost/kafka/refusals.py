"""The errors of a broker that refuses a client: its certificate, its sign-in, or a permission."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    IllegalSaslStateError,
    KafkaError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnsupportedSaslMechanismError,
)

from waypost.kafka.client_arguments import client_arguments
from waypost.kernel.errors import Misconfigured, Transient
from waypost.ports.brokers import BrokerConnection, Brokers, SecurityProtocol, as_connection
from waypost.project import variable

EXAMINATION_SECONDS = 2.0
NOT_PERMITTED: Mapping[type[Exception], str] = {
    ClusterAuthorizationFailedError: "the cluster",
    GroupAuthorizationFailedError: "the consumer group",
    TopicAuthorizationFailedError: "the topic",
}


class AccessRefused(Transient, Misconfigured):
    """The brokers do not accept this client's certificate, sign-in or rights.

    A command ends with it. In a running process no handler is at fault: the work waits, as in an
    outage, until the setting, the file or the rights are corrected.
    """


@asynccontextmanager
async def reaching(brokers: Brokers, *, message: str = "no broker answers") -> AsyncIterator[None]:
    """Converts connection errors inside the block to AccessRefused, if another attempt cannot help,
    and to Transient. `message` begins the message of the latter.
    """
    try:
        yield
    except (KafkaError, OSError, TimeoutError) as error:
        connection = as_connection(brokers)
        refused = refusal(error, connection) or await examine(connection)
        if refused is not None:
            raise refused from error
        raise Transient(f"{message} at {connection}{_protocol(connection)}: {error!r}") from error


async def examine(connection: BrokerConnection) -> AccessRefused | None:
    """Connects once more to learn why no connection was possible: aiokafka logs the reason and
    tries the next broker. A client without encryption is refused nothing.
    """
    if connection.security_protocol is SecurityProtocol.PLAINTEXT:
        return None
    arguments = {**client_arguments(connection), "request_timeout_ms": EXAMINATION_SECONDS * 1000}
    hosts = collect_hosts(arguments.pop("bootstrap_servers"))
    try:
        async with asyncio.timeout(EXAMINATION_SECONDS):
            for host, port, _ in hosts:
                if refused := await _examine(host, port, arguments, connection):
                    return refused
    except TimeoutError:
        pass
    return None


async def _examine(
    host: str, port: int, arguments: Mapping[str, Any], connection: BrokerConnection
) -> AccessRefused | None:
    try:
        opened = await create_conn(host, port, **arguments)
    except (KafkaError, OSError) as error:
        return refusal(error, connection)
    opened.close()
    return None


def refusal(error: BaseException, brokers: Brokers | None = None) -> AccessRefused | None:
    """The refusal behind an error of a client; None for any other error."""
    connection = None if brokers is None else as_connection(brokers)
    client = f"Kafka at {connection} refused {connection.principal}" if connection else "Kafka refused this client"
    for cause in _causes(error):
        if (reason := _reason(cause, connection)) is not None:
            return AccessRefused(f"{client}: {reason}")
    return None


def _protocol(connection: BrokerConnection) -> str:
    protocol = connection.security_protocol
    return "" if protocol is SecurityProtocol.PLAINTEXT else f" by {protocol}"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _reason(error: BaseException, connection: BrokerConnection | None) -> str | None:
    for kind, resource in NOT_PERMITTED.items():
        if isinstance(error, kind):
            name = f" {error.args[0]}" if error.args else ""
            return (
                f"it has no right to {resource}{name} ({kind.__name__}). Grant it with kafka-acls; `waypost access`"
                " lists the rights that each process needs"
            )
    match error:
        case ssl.SSLCertVerificationError():
            return (
                f"the certificate of the broker was not accepted: {error.verify_message}."
                f" {variable('KAFKA_CA_FILE')} must name the authority that signed it, the certificate must be valid"
                f" now, and {variable('KAFKA_BOOTSTRAP')} must use a name that is in it"
            )
        case ssl.SSLError() if error.reason == "WRONG_VERSION_NUMBER":
            return f"this port does not speak TLS. Correct the port, or {variable('KAFKA_SECURITY_PROTOCOL')}"
        case ssl.SSLError():
            return (
                f"TLS failed: {error.reason or error}. {variable('KAFKA_CERTIFICATE_FILE')} must name a valid"
                " certificate, signed by an authority that the broker trusts"
            )
        case SaslAuthenticationFailed():
            source = (
                f"{variable('KAFKA_TOKEN_FILE')} must hold a token that is valid now"
                if connection and connection.token_file
                else f"correct {variable('KAFKA_USER')} or the file {variable('KAFKA_PASSWORD_FILE')}"
            )
            return f"the sign-in failed ({error.args[0] if error.args else 'no reason given'}): {source}"
        case UnsupportedSaslMechanismError() | IllegalSaslStateError():
            return f"it does not offer this mechanism: set {variable('KAFKA_SASL_MECHANISM')}"
        case _:
            return None
