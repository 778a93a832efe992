"""The variables of each process of a project, and of the `waypost` command.

Names begin with the project's prefix, here written without it.

| variable | given to | meaning |
|---|---|---|
| SERVICE_PORT | api, worker, jobs, live | its HTTP port: the API, or health and metrics |
| MANAGEMENT_ADDRESS | api | its second port, for metrics, operator routes and documents |
| OWNER_DSN, APP_DSN, RELAY_DSN, OPS_DSN | as each needs it | the database, as one of the roles |
| CONNECTION_BUDGET | api, worker, jobs | limit of connections for all processes together |
| KAFKA_BOOTSTRAP | all | `host:port` of the broker |
| IDEMPOTENCY_SECRET | all | keys the hashes of request bodies |
| JWKS_URL | all | public keys of the access tokens |
| DEVELOPMENT_SIGNING_KEY | command | file of the key that signs development tokens |
| OTEL_TRACES_EXPORTER, OTEL_EXPORTER_ZIPKIN_ENDPOINT | all | without prefix; where spans go |
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from waypost.devstack.issuer import KEYS_PATH
from waypost.devstack.keys import Secrets
from waypost.devstack.parts import Environment
from waypost.devstack.ports import Ports
from waypost.devstack.requests import write_whole
from waypost.hosting.processes import ServiceProcess
from waypost.postgres.provisioning.databases import service_database
from waypost.project import variable

DSNS_OF: Mapping[ServiceProcess, tuple[str, ...]] = {
    ServiceProcess.MIGRATE: ("owner",),
    ServiceProcess.API: ("app", "ops"),
    ServiceProcess.WORKER: ("app", "relay"),
    ServiceProcess.JOBS: ("app",),
    ServiceProcess.LIVE: (),
}
COMMAND_DSNS = ("owner", "app", "ops")
CONNECTIONS_PER_SERVICE = 55
"""Pools of 20, 2, 5 and 5 connections; 3 for the relay, 2 for LISTEN, 1 for claims of jobs, 3 for
NOTIFY, 14 for operators.
"""
SPARE_CONNECTIONS = 2 * CONNECTIONS_PER_SERVICE + 30
"""Reserve for two services that are added to a running stack, and for the superuser."""


class Environments:
    """Builds the environment of each process from the ports and the secrets of the stack."""

    def __init__(self, ports: Ports, secrets: Secrets, signing_key: Path) -> None:
        self._ports = ports
        self._secrets = secrets
        self._signing_key = signing_key

    @property
    def max_connections(self) -> int:
        """PostgreSQL's connection limit."""
        return CONNECTIONS_PER_SERVICE * len(self._ports.services) + SPARE_CONNECTIONS

    @property
    def admin_dsn(self) -> str:
        """DSN of PostgreSQL's superuser; only for the set-up, no process receives it."""
        return f"postgresql://postgres:{self._secrets.superuser}@{self._ports.place('postgres')}/postgres"

    def process(self, service: str, process: ServiceProcess) -> Environment:
        """Environment of one process of a service."""
        own = {**self._shared(service), **self._dsns(service, DSNS_OF[process])}
        if "app" in DSNS_OF[process]:
            own[variable("CONNECTION_BUDGET")] = str(self.max_connections - SPARE_CONNECTIONS)
        if process is not ServiceProcess.MIGRATE:
            own[variable("SERVICE_PORT")] = str(self._ports.of_process(service, process))
        if process is ServiceProcess.API:
            own[variable("MANAGEMENT_ADDRESS")] = str(self._ports.of_management(service))
        return own

    def command(self, service: str) -> Environment:
        """Environment of the `waypost` command for a service."""
        key = {variable("DEVELOPMENT_SIGNING_KEY"): str(self._signing_key)}
        return {**self._shared(service), **self._dsns(service, COMMAND_DSNS), **key}

    def _shared(self, service: str) -> dict[str, str]:
        at = self._ports
        return {
            variable("KAFKA_BOOTSTRAP"): at.place("kafka"),
            variable("IDEMPOTENCY_SECRET"): self._secrets.idempotency_of(service),
            variable("JWKS_URL"): f"http://{at.place('issuer')}{KEYS_PATH}",
            "OTEL_TRACES_EXPORTER": os.environ.get("OTEL_TRACES_EXPORTER", "zipkin"),
            "OTEL_EXPORTER_ZIPKIN_ENDPOINT": f"http://{at.place('zipkin')}/api/v2/spans",
        }

    def _dsns(self, service: str, roles: Iterable[str]) -> dict[str, str]:
        database = service_database(self.admin_dsn, service, service, self._secrets.passwords(service))
        return {variable(f"{role.upper()}_DSN"): getattr(database, role) for role in roles}


def write_command_environments(environments: Environments, services: Iterable[str], directory: Path) -> None:
    """Writes `<directory>/<service>.env`, readable only by the owner, because it has passwords."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    for service in services:
        lines = "".join(f"{name}={value}\n" for name, value in environments.command(service).items())
        write_whole(directory / f"{service}.env", lines, mode=0o600)
