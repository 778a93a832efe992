"""The arguments with which every Kafka client is created: aiokafka's, and from them Faust's. No
other module knows how a client signs in.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from aiokafka.abc import AbstractTokenProvider

from waypost.kafka.secret_files import SecretFile
from waypost.kafka.tls import ReloadingContext
from waypost.ports.brokers import BrokerConnection, Brokers, as_connection


class TokenFile(AbstractTokenProvider):  # type: ignore[misc]  # aiokafka is not annotated
    """Gives a new connection the token that the file holds then. Another program, such as a
    Kubernetes agent, renews it there.
    """

    def __init__(self, file: Path) -> None:
        """Raises Misconfigured for a file that has no token."""
        self._secret = SecretFile(file)
        self._secret.read()

    async def token(self) -> str:
        return self._secret.read()


def client_arguments(brokers: Brokers) -> Mapping[str, Any]:
    """Keyword arguments of `AIOKafkaProducer`, `AIOKafkaConsumer`, `AIOKafkaAdminClient` and
    `AIOKafkaClient`. Raises Misconfigured for files that cannot be read.
    """
    connection = as_connection(brokers)
    arguments: dict[str, Any] = {"bootstrap_servers": connection.bootstrap}
    arguments["security_protocol"] = connection.security_protocol.value
    if connection.security_protocol.has_tls:
        arguments["ssl_context"] = _context(connection)
    if connection.mechanism is not None:
        arguments["sasl_mechanism"] = connection.mechanism.value
    if connection.token_file is not None:
        arguments["sasl_oauth_token_provider"] = TokenFile(connection.token_file)
    if connection.password_file is not None:
        password = SecretFile(connection.password_file)
        password.read()
        arguments |= {"sasl_plain_username": connection.user, "sasl_plain_password": password}
    return arguments


@lru_cache(maxsize=16)
def _context(connection: BrokerConnection) -> ReloadingContext:
    """One for all clients of a connection: reading the operating system's authorities takes
    several milliseconds.
    """
    return ReloadingContext(connection)
