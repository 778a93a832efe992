"""Addresses of all components: offsets from one port base, so that two copies can run at the same
time.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from infra import services
from infra.stack.places import inherited, stack_directory
from infra.stack.servers import Servers
from waypost.native.ports import LOOPBACK
from waypost.ports.brokers import Brokers, connection_from

OWNER_DSN = "WAYPOST_OWNER_DSN"
DEFAULT_PORT_BASE = 8000
MAX_PORT_BASE = 65_000

PLATFORM_OFFSETS = {
    "start-page": 0,
    "payments": 10,
    "mail": 25,
    "smtp": 26,
    "postgres": 32,
    "postgres-standby": 33,
    "postgres-unencrypted": 34,
    "postgres-standby-unencrypted": 35,
    "zipkin": 41,
    "registry": 81,
    "kafka": 92,
    "kafka-controller": 93,
    "kafka-2": 90,
    "kafka-2-controller": 91,
    "kafka-3": 88,
    "kafka-3-controller": 89,
}
"""Servers after the first, and unencrypted ports of PostgreSQL, exist only in a stack that was
started with them. docker-compose.yml has none of them, and the same offsets for the others. The
offsets of the services' processes are in `infra/services.py`.
"""


def encryption_of(database: str) -> str:
    """The component that encrypts connections to a PostgreSQL server."""
    return f"{database}-encryption"


def offsets() -> Mapping[str, int]:
    """Offsets of all components. Workers and jobs serve health and metrics; `<service>-management`
    is the second port of an API.
    """
    processes = {
        f"{name}-{process}": offset
        for name, ports in services.SERVICES.items()
        for process, offset in ports.by_process.items()
    }
    return {**processes, **PLATFORM_OFFSETS}


@dataclass(frozen=True, slots=True)
class Addresses:
    port_base: int = DEFAULT_PORT_BASE
    servers: Servers = field(default_factory=Servers)

    @classmethod
    def from_environment(cls) -> Self:
        """Reads `WAYPOST_PORT_BASE`, or uses the default. Raises ValueError with the range to
        choose from.
        """
        value = os.environ.get("WAYPOST_PORT_BASE", str(DEFAULT_PORT_BASE))
        if not value.isdecimal() or not 1024 <= int(value) <= MAX_PORT_BASE:
            raise ValueError(f"WAYPOST_PORT_BASE is {value!r}; set a number from 1024 to {MAX_PORT_BASE}")
        return cls(int(value))

    def host(self, part: str) -> str:
        """The host name or address at which other components reach `part`."""
        return LOOPBACK

    def port(self, part: str) -> int:
        return self.port_base + offsets()[part]

    def server_port(self, database: str) -> int:
        """The port of a PostgreSQL server itself; in a secure stack, clients reach it through
        `<name>-encryption`.
        """
        return self.port(f"{database}-unencrypted" if self.servers.secure else database)

    def place(self, part: str) -> str:
        """`host:port`"""
        return f"{self.host(part)}:{self.port(part)}"

    def url(self, part: str) -> str:
        """URL of a part that serves HTTP: `users-api`, `users-management`, `billing-worker`,
        `payments`, `mail`, `zipkin`, `registry`, `start-page`.
        """
        return f"http://{self.place(part)}"

    @property
    def users(self) -> str:
        return self.url("users-api")

    @property
    def billing(self) -> str:
        return self.url("billing-api")

    @property
    def notifications(self) -> str:
        return self.url("notifications-api")

    @property
    def kafka_bootstrap(self) -> str:
        """Every broker, so that a client finds the cluster while one of them is down."""
        return ",".join(map(self.place, self.servers.broker_names))

    @property
    def brokers(self) -> Brokers:
        """The connection to the brokers with the rights of the `waypost` command, which reads every
        topic. A secure stack writes it at its start.
        """
        if not self.servers.secure:
            return self.kafka_bootstrap
        return connection_from(_variables(self.environment_directory / "users.env"))

    @property
    def jwks_url(self) -> str:
        return f"{self.users}/.well-known/jwks.json"

    def trace_url(self, trace_id: str) -> str:
        """URL of one trace in the viewer; `trace_id` has 32 hexadecimal digits."""
        return f"{self.url('zipkin')}/zipkin/traces/{trace_id}"

    @property
    def environment_directory(self) -> Path:
        """Folder of the environment files of the `waypost` command, one per service; the stack
        writes them at its start.
        """
        return stack_directory(self.port_base) / "environment"

    @property
    def log_directory(self) -> Path | None:
        """Folder of the log files; None if this machine has none."""
        return stack_directory(self.port_base) / "logs"

    @property
    def owner_dsns(self) -> Mapping[str, str]:
        """The database of each service, as its owner; empty if this machine has no DSNs."""
        return {
            service: _variables(self.environment_directory / f"{service}.env")[OWNER_DSN]
            for service in services.SERVICES
        }

    def waypost(self, *arguments: str) -> "Command":
        """The command line of `waypost` on this stack."""
        own = {
            "WAYPOST_PORT_BASE": str(self.port_base),
            "WAYPOST_ENVIRONMENT_DIRECTORY": str(self.environment_directory),
        }
        return Command((sys.executable, "-m", "waypost.cli", *arguments), {**inherited(), **own})


def _variables(file: Path) -> Mapping[str, str]:
    return dict(line.split("=", 1) for line in file.read_text().splitlines())


@dataclass(frozen=True, slots=True)
class Command:
    words: Sequence[str]
    environment: Mapping[str, str]
