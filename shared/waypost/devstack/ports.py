"""Where each process of a project answers: offsets from one base, so that two copies run side by
side.

Services are counted in the order of their topics in `topics.yaml`, whose lines are only ever added
at the end: a service keeps its ports when another one is added.
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
MOST_SERVICES = 20
PLATFORM = {"issuer": 90, "zipkin": 91, "kafka": 92, "kafka-controller": 93, "postgres": 94}
FIRST = {ServiceProcess.API: 1, ServiceProcess.WORKER: 21, ServiceProcess.JOBS: 41, ServiceProcess.LIVE: 61}
WIDTH = 95
"""Ports of one stack."""


@dataclass(frozen=True, slots=True)
class Ports:
    services: Sequence[str]
    base: int = DEFAULT_PORT_BASE

    @classmethod
    def of_the_project(cls) -> Self:
        """Raises Misconfigured with what to set."""
        name = variable("PORT_BASE")
        given = os.environ.get(name, str(DEFAULT_PORT_BASE))
        if not given.isdecimal() or not 1024 <= int(given) <= 65_000:
            raise Misconfigured(f"{name} is {given!r}; set a number from 1024 to 65000")
        refuse_ephemeral(int(given), name)
        return cls(services_here(), int(given))

    def of(self, part: str) -> int:
        return self.base + PLATFORM[part]

    def of_process(self, service: str, process: ServiceProcess) -> int:
        return self.base + FIRST[process] + self.services.index(service)

    def place(self, part: str) -> str:
        """`host:port`"""
        return f"{LOOPBACK}:{self.of(part)}"

    def url(self, service: str, process: ServiceProcess = ServiceProcess.API) -> str:
        return f"http://{LOOPBACK}:{self.of_process(service, process)}"


def services_here() -> Sequence[str]:
    """Those that can be started: folders with a `__main__.py`. Raises Misconfigured."""
    folders = sorted(each.parent.name for each in project().services_folder.glob("*/__main__.py"))
    by_topic = list(dict.fromkeys(each.name.partition(".")[0] for each in declared_topics()))
    ordered = sorted(folders, key=lambda each: by_topic.index(each) if each in by_topic else len(by_topic))
    if len(ordered) > MOST_SERVICES:
        raise Misconfigured(f"there are {len(ordered)} services, and the local stack has ports for {MOST_SERVICES}")
    return ordered


def refuse_ephemeral(base: int, name: str, ephemeral: range | None = None) -> None:
    """Raises Misconfigured for ports that the kernel may give to an outgoing connection at any
    moment. A kernel that uses every port for them leaves no choice.
    """
    ephemeral = ephemeral_ports() if ephemeral is None else ephemeral
    if ports_outside(ephemeral) and any(port in ephemeral for port in range(base, base + WIDTH)):
        raise Misconfigured(
            f"ports {base} to {base + WIDTH - 1} meet {ephemeral.start} to {ephemeral[-1]}, which the kernel gives to"
            f" outgoing connections (net.ipv4.ip_local_port_range); set {name} to another base, such as {DEFAULT_PORT_BASE}"
        )
