"""Certificates and passwords of a stack with encrypted and authorised connections. Created once, in
`tls` and `kafka` below the stack's keys; certificates are renewed at a start in their last month.

    tls/ca.pem                 the authority that every client of the stack trusts
    tls/kafka.pem              key and certificate of the brokers
    tls/postgres.crt, .key     those of PostgreSQL; tls/mail.crt, .key those of the mail server
    kafka/<user>.password      password of a user in Kafka, such as `billing-worker`
"""

import secrets
from collections.abc import Sequence
from pathlib import Path

from infra import services
from infra.stack.addresses import Addresses
from infra.stack.keys import Keys
from waypost.hosting.kafka_users import kafka_users
from waypost.native.certificates import Certificate, CertificateAuthority
from waypost.native.configuration.kafka_security import BROKER_USER, BrokerSecurity
from waypost.ports.brokers import BrokerConnection, Mechanism, SecurityProtocol

ENTROPY_BYTES = 24
SESSION_MILLISECONDS = 3_600_000
"""After an hour a client signs in again, with the password that its file holds then."""
MAIL_USER = "notifications"


class StackSecurity:
    """The caller holds the stack's lock."""

    def __init__(self, addresses: Addresses, keys: Keys) -> None:
        self._bootstrap = addresses.kafka_bootstrap
        self._authority = CertificateAuthority(keys.directory / "tls")
        self.passwords_directory = keys.directory / "kafka"
        self.passwords_directory.mkdir(exist_ok=True, mode=0o700)
        for user in (BROKER_USER, *self.users):
            self._ensure_password(self._password_file(user))
        self.mail_password_file = keys.directory / "tls" / "mail.password"
        self._ensure_password(self.mail_password_file)

    @property
    def ca_file(self) -> Path:
        return self._authority.certificate

    @property
    def users(self) -> Sequence[str]:
        return kafka_users(list(services.SERVICES))

    @property
    def mail(self) -> Certificate:
        return self._authority.certificate_of("mail")

    @property
    def administrator(self) -> BrokerConnection:
        """The brokers' own user; only for the set-up, no service receives it."""
        return self.brokers(BROKER_USER, Mechanism.PLAIN)

    def brokers(self, user: str, mechanism: Mechanism = Mechanism.SCRAM_SHA_512) -> BrokerConnection:
        return BrokerConnection(
            bootstrap=self._bootstrap,
            security_protocol=SecurityProtocol.SASL_SSL,
            ca_file=self.ca_file,
            mechanism=mechanism,
            user=user,
            password_file=self._password_file(user),
        )

    def of_brokers(self) -> BrokerSecurity:
        return BrokerSecurity(
            keystore=self._authority.certificate_of("kafka").both,
            truststore=self.ca_file,
            broker_password=self._password_file(BROKER_USER).read_text(),
            session_milliseconds=SESSION_MILLISECONDS,
        )

    @property
    def postgres(self) -> Certificate:
        return self._authority.certificate_of("postgres")

    @property
    def dsn_parameters(self) -> Sequence[str]:
        """Parameters of every DSN: the client checks the certificate and its host name."""
        return ["sslmode=verify-full", f"sslrootcert={self.ca_file}"]

    def _password_file(self, user: str) -> Path:
        return self.passwords_directory / f"{user}.password"

    def _ensure_password(self, file: Path) -> None:
        """A start that is killed here leaves no empty file behind."""
        if not file.exists() or not file.stat().st_size:
            unfinished = file.with_name(f"{file.name}.new")
            unfinished.touch(mode=0o600)
            unfinished.write_text(secrets.token_urlsafe(ENTROPY_BYTES))
            unfinished.replace(file)


def security_of(addresses: Addresses, keys: Keys) -> StackSecurity | None:
    """None for a stack without encryption, which is the default."""
    return StackSecurity(addresses, keys) if addresses.servers.secure else None
