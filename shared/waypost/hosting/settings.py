"""Settings of each process, read from the environment. A process reports all missing variables
before it starts.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, IPvAnyNetwork, SecretStr, ValidationInfo, field_validator

from waypost.engine.consumer import ConsumerPolicy
from waypost.kernel.errors import Misconfigured
from waypost.ports.brokers import BrokerConnection, Mechanism, SecurityProtocol
from waypost.project import variable
from waypost.settings import Settings, load
from waypost.web.addresses import Address, beside, management_address
from waypost.web.rate_limits import Rate, RateSettings


def _postgres(dsn: str) -> str:
    if not dsn.startswith("postgresql://"):
        raise ValueError("must look like postgresql://user:password@host:port/database")
    return dsn


Dsn = Annotated[str, AfterValidator(_postgres)]
Port = Annotated[int, Field(ge=1, le=65535)]
PoolSize = Annotated[int, Field(ge=1)]
"""Number of connections. There is no unlimited pool, because the server's connections are
shared.
"""


RateText = Annotated[str, Field(pattern=r"^(off|[1-9][0-9]{0,8}/[1-9][0-9]{0,6})$")]


def _rate(text: str) -> Rate | None:
    if text == "off":
        return None
    requests, seconds = map(int, text.split("/"))
    return Rate(requests=requests, seconds=seconds)


class MigrateSettings(Settings):
    owner_dsn: Dsn
    """DSN of the role `<service>_owner`, which owns the tables. Migrations, rebuilds and some other
    commands use it; no process that serves does.
    """


class ListeningSettings(Settings):
    service_port: Port
    """HTTP port of the API, or of the health and metrics of a worker."""
    host: str = "127.0.0.1"
    """Address on which that port listens; `0.0.0.0` in a container."""


class KafkaSettings(Settings):
    kafka_bootstrap: str
    """`host:port` of each broker, separated by commas. An API uses it only for an operator route,
    and serves requests without a broker.
    """
    kafka_security_protocol: SecurityProtocol = SecurityProtocol.PLAINTEXT
    """`SSL` or `SASL_SSL` for encrypted connections. The brokers' certificates must be valid for
    the names in `kafka_bootstrap`, and for the names that the brokers advertise.
    """
    kafka_ca_file: Path | None = None
    """PEM file of the authorities that sign the brokers' certificates. Without it, those of the
    operating system are trusted. Each file of this list is read again for a new connection.
    """
    kafka_certificate_file: Path | None = None
    """PEM file of a client certificate with its chain, for mutual TLS."""
    kafka_key_file: Path | None = None
    """PEM file of the private key of that certificate."""
    kafka_sasl_mechanism: Mechanism | None = None
    """`SCRAM-SHA-512`, `SCRAM-SHA-256`, `PLAIN` or `OAUTHBEARER`. The last two need `SASL_SSL`."""
    kafka_user: str | None = None
    """User of SCRAM and PLAIN."""
    kafka_password_file: Path | None = None
    """File with the user's password."""
    kafka_token_file: Path | None = None
    """File with the token of OAUTHBEARER. Another program renews it before it expires."""

    @property
    def brokers(self) -> BrokerConnection:
        """Raises Misconfigured for settings that contradict each other."""
        return BrokerConnection(
            bootstrap=self.kafka_bootstrap,
            security_protocol=self.kafka_security_protocol,
            ca_file=self.kafka_ca_file,
            certificate_file=self.kafka_certificate_file,
            key_file=self.kafka_key_file,
            mechanism=self.kafka_sasl_mechanism,
            user=self.kafka_user,
            password_file=self.kafka_password_file,
            token_file=self.kafka_token_file,
        )


class ProcessSettings(ListeningSettings):
    app_dsn: Dsn
    """DSN of the role `<service>_app`: `postgresql://user:password@host:port/database`. Like every
    DSN, it may name several servers (`first:5432,second:5432` with
    `?target_session_attrs=read-write`), and must not lead to a connection pooler.
    """
    connection_budget: int = 0
    """Number of connections that all processes of the PostgreSQL server open together. The process
    refuses to start if the server allows fewer. 0 means no check.
    """


class ApiSettings(ProcessSettings, KafkaSettings):
    management_address: str = ""
    """Address that serves `/metrics`, `/version`, `/ops` and the documents, which the public port
    does not: `host:port`, `[IPv6 address]:port`, or a port of 127.0.0.1. `public` serves them on
    the public port. By default 127.0.0.1, at the port 1000 above `service_port`.
    """
    public_documents: bool = False
    """True serves `/docs`, `/openapi.json` and `/asyncapi` on the public port, too."""
    pool_size: PoolSize = 20
    """Connections of the requests, as `<service>_app`."""
    ops_dsn: Dsn
    """DSN of the role `<service>_ops`, for the operator routes and the count of the outbox."""
    ops_pool_size: PoolSize = 2
    """Connections of the operator routes."""
    outbox_cap_rows: Annotated[int, Field(ge=1)] = 500_000
    """At this number of unpublished events, requests that write events are answered with 503. It
    equals a few hundred MB of rows.
    """
    idempotency_secret: Annotated[SecretStr, Field(min_length=16, max_length=64)]
    """16 to 64 bytes. Keys the hashes of request bodies that are stored with idempotency keys. Must
    be equal on every replica. After a change, a repeated request whose key was stored before it is
    answered 422 (`KeyReused`), until the key expires after a day.
    """
    jwks_url: str | None = None
    """URL of `/.well-known/jwks.json` of the service that signs the access tokens. Required in
    every service but that one.
    """

    rate_limiting: bool = True
    """False switches all rate limits of this API off."""
    rate_limits: Mapping[str, RateText] = {}
    """Changed rate limits, as JSON: `{"sign-in-per-network": "120/60"}` means 120 requests in 60 s,
    and "off" no limit. The page "Limits of requests" lists them.
    """
    trusted_proxies: tuple[IPvAnyNetwork, ...] = ()
    """Networks of the proxies in front of this API, as JSON: `["10.0.0.0/8"]`. Only for their
    connections do `X-Forwarded-For` and `X-Forwarded-Proto` count.
    """

    @field_validator("management_address")
    @classmethod
    def _is_address(cls, text: str, others: ValidationInfo) -> str:
        if not text:
            return text
        address = management_address(text)
        if address is not None and address.port == others.data.get("service_port"):
            raise ValueError(f"must have another port than {variable('SERVICE_PORT')}; set `public` to share that one")
        return text

    @property
    def management(self) -> Address | None:
        """None if the public port serves the routes of management."""
        if not self.management_address:
            return beside(self.service_port)
        return management_address(self.management_address)

    @property
    def published_keys_url(self) -> str:
        """URL of the keys that the users service publishes. Raises Misconfigured if it is not
        set.
        """
        if self.jwks_url is None:
            raise Misconfigured(
                f"cannot start: {variable('JWKS_URL')} is missing; it is the URL of /.well-known/jwks.json of the service that signs tokens"
            )
        return self.jwks_url

    @property
    def rates(self) -> RateSettings:
        return RateSettings(
            enabled=self.rate_limiting, changed={name: _rate(text) for name, text in self.rate_limits.items()}
        )


class WorkerSettings(ProcessSettings, KafkaSettings):
    pool_size: PoolSize = 5
    """Connections of the consumers and the probes, as `<service>_app`. Each consumer has a
    share.
    """
    max_dead_letters: Annotated[int, Field(ge=1)] = ConsumerPolicy().max_dead_letters
    """Maximum number of dead letters of each consumer that failed or wait behind a failed one. At
    the limit its partitions pause until some are settled.
    """
    max_out_of_order_dead_letters: Annotated[int, Field(ge=1)] = ConsumerPolicy().max_out_of_order_dead_letters
    """Maximum number of dead letters of each consumer that wait for an earlier version. At the
    limit its partitions pause.
    """
    relay_dsn: Dsn
    """DSN of the role `<service>_relay`, which reads and deletes the rows of the outbox."""


class JobSettings(ProcessSettings):
    pool_size: PoolSize = 5
    """Connections of the jobs' transactions, the scheduler and the retention, as
    `<service>_app`.
    """


class LiveSettings(ListeningSettings, KafkaSettings):
    """The live view connects only to Kafka."""


__all__ = [
    "ApiSettings",
    "Dsn",
    "JobSettings",
    "KafkaSettings",
    "ListeningSettings",
    "LiveSettings",
    "MigrateSettings",
    "PoolSize",
    "Port",
    "ProcessSettings",
    "Settings",
    "WorkerSettings",
    "load",
]
