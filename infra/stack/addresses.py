"""Where everything answers: offsets from one base, so that two copies run side by side."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from infra import services
from infra.stack.places import inherited, stack_directory
from waypost.native.ports import LOOPBACK

DEFAULT_PORT_BASE = 8000
HIGHEST_PORT_BASE = 65_000

PLATFORM_OFFSETS = {
    "start-page": 0,
    "payments": 10,
    "mail": 25,
    "smtp": 26,
    "postgres": 32,
    "zipkin": 41,
    "registry": 81,
    "kafka": 92,
    "kafka-controller": 93,
}
"""The same in docker-compose.yml. The offsets of the services' processes are in
`infra/services.py`.
"""


def offsets() -> Mapping[str, int]:
    """Of every part. Workers and jobs answer with health and metrics."""
    processes = {
        f"{name}-{process}": offset
        for name, ports in services.SERVICES.items()
        for process, offset in ports.by_process.items()
    }
    return {**processes, **PLATFORM_OFFSETS}


@dataclass(frozen=True, slots=True)
class Addresses:
    port_base: int = DEFAULT_PORT_BASE

    @classmethod
    def from_environment(cls) -> Self:
        """`WAYPOST_PORT_BASE`, else the default. Raises ValueError with what to set."""
        given = os.environ.get("WAYPOST_PORT_BASE", str(DEFAULT_PORT_BASE))
        if not given.isdecimal() or not 1024 <= int(given) <= HIGHEST_PORT_BASE:
            raise ValueError(f"WAYPOST_PORT_BASE is {given!r}; set a number from 1024 to {HIGHEST_PORT_BASE}")
        return cls(int(given))

    def host(self, part: str) -> str:
        """The name or address that others reach `part` at."""
        return LOOPBACK

    def port(self, part: str) -> int:
        return self.port_base + offsets()[part]

    def place(self, part: str) -> str:
        """`host:port`"""
        return f"{self.host(part)}:{self.port(part)}"

    def url(self, part: str) -> str:
        """Of a part that speaks HTTP: `users-api`, `billing-worker`, `payments`, `mail`, `zipkin`,
        `registry`, `start-page`.
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
        return self.place("kafka")

    @property
    def jwks_url(self) -> str:
        return f"{self.users}/.well-known/jwks.json"

    def trace_url(self, trace_id: str) -> str:
        """The page of one trace in the viewer; `trace_id` as 32 hexadecimal digits."""
        return f"{self.url('zipkin')}/zipkin/traces/{trace_id}"

    @property
    def environment_directory(self) -> Path:
        """Of the files with what the `waypost` command needs for each service; the stack writes
        them as it starts.
        """
        return stack_directory(self.port_base) / "environment"

    def waypost(self, *arguments: str) -> "Command":
        """How the `waypost` command is run on this stack."""
        own = {
            "WAYPOST_PORT_BASE": str(self.port_base),
            "WAYPOST_ENVIRONMENT_DIRECTORY": str(self.environment_directory),
        }
        return Command((sys.executable, "-m", "waypost.cli", *arguments), {**inherited(), **own})


@dataclass(frozen=True, slots=True)
class Command:
    words: Sequence[str]
    environment: Mapping[str, str]
