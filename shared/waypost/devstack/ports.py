"""The port of each process of a project: an offset from one base, so that two copies of a project
can run at the same time.

Services are numbered in the order of their topics in `topics.yaml`. New topics are added at its
end, so a service keeps its ports when another service is added.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from waypost.hosting.processes import ServiceProcess
from waypost.kernel.errors import Misconfigured
from waypost.native.ports import LOOPBACK, ephemeral_ports, ports_outside
from waypost.project import project, variable
from waypost.schemas.topics import declared_topics

DEFAULT_PORT_BASE = 8000
MAX_SERVICES = 20
PLATFORM = {"issuer": 90, "zipkin": 91, "kafka": 92, "kafka-controller": 93, "postgres": 94}
FIRST = {ServiceProcess.API: 1, ServiceProcess.WORKER: 21, ServiceProcess.JOBS: 41, ServiceProcess.LIVE: 61}
FIRST_MANAGEMENT = 101
WIDTH = 121
"""The number of ports that a stack reserves."""


@dataclass(frozen=True, slots=True)
class Ports:
    services: Sequence[str]
    base: int = DEFAULT_PORT_BASE

    @classmethod
    def of_the_project(cls) -> Self:
        """Reads `<PREFIX>_PORT_BASE`, or uses the default. Raises Misconfigured with the range to
        choose from.
        """
        name = variable("PORT_BASE")
        value = os.environ.get(name, str(DEFAULT_PORT_BASE))
        if not value.isdecimal() or not 1024 <= int(value) <= 65_000:
            raise Misconfigured(f"{name} is {value!r}; set a number from 1024 to 65000")
        refuse_ephemeral(int(value), name)
        return cls(services_here(), int(value))

    def of(self, part: str) -> int:
        """The port of a platform component: a key of `PLATFORM`."""
        return self.base + PLATFORM[part]

    def of_process(self, service: str, process: ServiceProcess) -> int:
        return self.base + FIRST[process] + self.services.index(service)

    def of_management(self, service: str) -> int:
        """The second port of an API, for its metrics, operator routes and documents."""
        return self.base + FIRST_MANAGEMENT + self.services.index(service)

    def place(self, part: str) -> str:
        """`host:port`"""
        return f"{LOOPBACK}:{self.of(part)}"

    def url(self, service: str, process: ServiceProcess = ServiceProcess.API) -> str:
        return f"http://{LOOPBACK}:{self.of_process(service, process)}"


def services_here() -> Sequence[str]:
    """Services of the project that can be started: folders with a `__main__.py`. Raises
    Misconfigured for more services than ports.
    """
    folders = sorted(file.parent.name for file in project().services_folder.glob("*/__main__.py"))
    by_topic = list(dict.fromkeys(topic.name.partition(".")[0] for topic in declared_topics()))
    ordered = sorted(folders, key=lambda name: by_topic.index(name) if name in by_topic else len(by_topic))
    if len(ordered) > MAX_SERVICES:
        raise Misconfigured(f"there are {len(ordered)} services, and the local stack has ports for {MAX_SERVICES}")
    return ordered


def refuse_ephemeral(base: int, name: str, ephemeral: range | None = None) -> None:
    """Raises Misconfigured for ports that the kernel may assign to an outgoing connection. If the
    kernel uses every port for outgoing connections, all bases are accepted.
    """
    ephemeral = ephemeral_ports() if ephemeral is None else ephemeral
    if ports_outside(ephemeral) and any(port in ephemeral for port in range(base, base + WIDTH)):
        raise Misconfigured(
            f"ports {base} to {base + WIDTH - 1} overlap {ephemeral.start} to {ephemeral[-1]}, which the kernel assigns to"
            f" outgoing connections (net.ipv4.ip_local_port_range); set {name} to another base, such as {DEFAULT_PORT_BASE}"
        )
