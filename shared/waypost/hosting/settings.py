"""One typed class per process, read from the environment; what is missing is named before anything
starts.
"""

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from waypost.engine.consumer import ConsumerPolicy
from waypost.kernel.errors import Misconfigured
from waypost.project import variable
from waypost.settings import Settings, load


def _postgres(dsn: str) -> str:
    if not dsn.startswith("postgresql://"):
        raise ValueError("must look like postgresql://user:password@host:port/database")
    return dsn


Dsn = Annotated[str, AfterValidator(_postgres)]
Port = Annotated[int, Field(ge=1, le=65535)]
PoolSize = Annotated[int, Field(ge=1)]
"""Connections. None would mean as many as are asked for, and those are the neighbours'."""


class MigrateSettings(Settings):
    owner_dsn: Dsn


class ListeningSettings(Settings):
    service_port: Port
    """HTTP: the API, or the health and metrics of a worker."""
    host: str = "127.0.0.1"


class ProcessSettings(ListeningSettings):
    app_dsn: Dsn
    connection_budget: int = 0
    """What all processes that share the PostgreSQL server may open together; the process starts on
    no server that takes fewer.
    """


class ApiSettings(ProcessSettings):
    pool_size: PoolSize = 20
    ops_dsn: Dsn
    ops_pool_size: PoolSize = 2
    """For the operator routes."""
    kafka_bootstrap: str
    """Asked by an operator route alone: an API serves without a broker."""
    outbox_cap_rows: Annotated[int, Field(ge=1)] = 500_000
    """At this many unpublished events whatever would write more is answered with 503; a few hundred
    MB of rows.
    """
    idempotency_secret: Annotated[SecretStr, Field(min_length=16, max_length=64)]
    """Keys the hashes of request bodies beside idempotency keys; the same on every replica."""
    jwks_url: str | None = None

    @property
    def published_keys_url(self) -> str:
        """Where the users service publishes its keys. Raises Misconfigured."""
        if self.jwks_url is None:
            raise Misconfigured(
                f"cannot start: {variable('JWKS_URL')} is missing; it is the /.well-known/jwks.json of the service that signs tokens"
            )
        return self.jwks_url


class WorkerSettings(ProcessSettings):
    pool_size: PoolSize = 5
    max_dead_letters: Annotated[int, Field(ge=1)] = ConsumerPolicy().max_dead_letters
    """Of each consumer, that failed or wait behind one that did; at the cap its partitions wait
    until some are settled.
    """
    max_out_of_order_dead_letters: Annotated[int, Field(ge=1)] = ConsumerPolicy().max_out_of_order_dead_letters
    """Of each consumer, that wait for an earlier version still to come; at the cap its partitions
    wait for a higher one.
    """
    relay_dsn: Dsn
    kafka_bootstrap: str


class JobSettings(ProcessSettings):
    pool_size: PoolSize = 5


class LiveSettings(ListeningSettings):
    kafka_bootstrap: str


__all__ = [
    "ApiSettings",
    "Dsn",
    "JobSettings",
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
