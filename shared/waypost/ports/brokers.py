"""How a client reaches the Kafka brokers: address, encryption and sign-in."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from waypost.kernel.errors import Misconfigured
from waypost.project import variable
from waypost.settings import value_of

E = TypeVar("E", bound=StrEnum)


class SecurityProtocol(StrEnum):
    """Kafka's `security.protocol`."""

    PLAINTEXT = "PLAINTEXT"
    SSL = "SSL"
    """TLS. The client signs in with its certificate, if it has one."""
    SASL_PLAINTEXT = "SASL_PLAINTEXT"
    SASL_SSL = "SASL_SSL"
    """TLS, and a sign-in by SASL."""

    @property
    def has_tls(self) -> bool:
        return self in (SecurityProtocol.SSL, SecurityProtocol.SASL_SSL)

    @property
    def has_sasl(self) -> bool:
        return self in (SecurityProtocol.SASL_PLAINTEXT, SecurityProtocol.SASL_SSL)


class Mechanism(StrEnum):
    """Kafka's `sasl.mechanism`."""

    PLAIN = "PLAIN"
    SCRAM_SHA_256 = "SCRAM-SHA-256"
    SCRAM_SHA_512 = "SCRAM-SHA-512"
    OAUTHBEARER = "OAUTHBEARER"

    @property
    def needs_tls(self) -> bool:
        """True if the client sends its secret itself."""
        return self in (Mechanism.PLAIN, Mechanism.OAUTHBEARER)


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerConnection:
    """Address, encryption and sign-in. Raises Misconfigured for settings that contradict each
    other.

    Files are read again for each connection, so that a certificate, password or token that was
    replaced is used without a restart.
    """

    bootstrap: str
    """`host:port` of each broker, separated by commas."""
    security_protocol: SecurityProtocol = SecurityProtocol.PLAINTEXT
    ca_file: Path | None = None
    """PEM file of the authorities that sign the brokers' certificates. None: those of the operating
    system.
    """
    certificate_file: Path | None = None
    """PEM file of the client's certificate, with its chain."""
    key_file: Path | None = None
    """PEM file of the certificate's private key, without a password."""
    mechanism: Mechanism | None = None
    user: str | None = None
    password_file: Path | None = None
    token_file: Path | None = None

    def __post_init__(self) -> None:
        if problem := next(self._problems(), None):
            raise Misconfigured(f"the connection to Kafka cannot be opened: {problem}")

    def __str__(self) -> str:
        return self.bootstrap

    @property
    def principal(self) -> str:
        """The name under which the client signs in, for messages."""
        if self.security_protocol.has_sasl:
            return self.user or f"the token in {self.token_file}"
        return f"the certificate {self.certificate_file}" if self.certificate_file else "an anonymous client"

    def _problems(self) -> Iterator[str]:
        protocol, mechanism = self.security_protocol, self.mechanism
        given = variable("KAFKA_SECURITY_PROTOCOL")
        if bool(self.certificate_file) != bool(self.key_file):
            yield f"set both {variable('KAFKA_CERTIFICATE_FILE')} and {variable('KAFKA_KEY_FILE')}, or neither"
        if (self.ca_file or self.certificate_file) and not protocol.has_tls:
            yield f"certificates are set, but {given} is {protocol}: set it to SSL or SASL_SSL"
        if not protocol.has_sasl:
            if mechanism or self.user or self.password_file or self.token_file:
                yield f"a SASL sign-in is set, but {given} is {protocol}: set it to SASL_SSL"
            return
        if mechanism is None:
            names = ", ".join(Mechanism)
            yield f"{given} is {protocol}: set {variable('KAFKA_SASL_MECHANISM')} to one of {names}"
        elif mechanism.needs_tls and not protocol.has_tls:
            yield f"{mechanism} would send the secret without encryption: set {given} to SASL_SSL"
        elif mechanism is Mechanism.OAUTHBEARER:
            if not self.token_file:
                yield f"{mechanism} needs a token: set {variable('KAFKA_TOKEN_FILE')}"
        elif not (self.user and self.password_file):
            names = f"{variable('KAFKA_USER')} and {variable('KAFKA_PASSWORD_FILE')}"
            yield f"{mechanism} needs a user and a password: set {names}"


Brokers = BrokerConnection | str
"""A string is the address of brokers without encryption and sign-in."""


def as_connection(brokers: Brokers) -> BrokerConnection:
    return BrokerConnection(bootstrap=brokers) if isinstance(brokers, str) else brokers


def connection_from(variables: Mapping[str, str]) -> BrokerConnection:
    """The connection that environment variables describe. Raises Misconfigured."""

    def text(name: str) -> str | None:
        return value_of(variables, variable(f"KAFKA_{name}")) or None

    def file(name: str) -> Path | None:
        return Path(found) if (found := text(name)) else None

    if (bootstrap := text("BOOTSTRAP")) is None:
        raise Misconfigured(f"{variable('KAFKA_BOOTSTRAP')} is not set: host:port of each broker, separated by commas")
    mechanism = text("SASL_MECHANISM")
    return BrokerConnection(
        bootstrap=bootstrap,
        security_protocol=_member(SecurityProtocol, "SECURITY_PROTOCOL", text("SECURITY_PROTOCOL") or "PLAINTEXT"),
        ca_file=file("CA_FILE"),
        certificate_file=file("CERTIFICATE_FILE"),
        key_file=file("KEY_FILE"),
        mechanism=_member(Mechanism, "SASL_MECHANISM", mechanism) if mechanism else None,
        user=text("USER"),
        password_file=file("PASSWORD_FILE"),
        token_file=file("TOKEN_FILE"),
    )


def variables_of(connection: BrokerConnection) -> Mapping[str, str]:
    """The inverse of `connection_from`. Leaves out what is not set."""
    values = {
        "BOOTSTRAP": connection.bootstrap,
        "SECURITY_PROTOCOL": connection.security_protocol,
        "CA_FILE": connection.ca_file,
        "CERTIFICATE_FILE": connection.certificate_file,
        "KEY_FILE": connection.key_file,
        "SASL_MECHANISM": connection.mechanism,
        "USER": connection.user,
        "PASSWORD_FILE": connection.password_file,
        "TOKEN_FILE": connection.token_file,
    }
    if connection.security_protocol is SecurityProtocol.PLAINTEXT:
        del values["SECURITY_PROTOCOL"]
    return {variable(f"KAFKA_{name}"): str(value) for name, value in values.items() if value is not None}


def _member(kind: type[E], name: str, value: str) -> E:
    try:
        return kind(value)
    except ValueError as error:
        names = ", ".join(kind)
        raise Misconfigured(f"{variable(f'KAFKA_{name}')} is {value!r}; set one of {names}") from error
