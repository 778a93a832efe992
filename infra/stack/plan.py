"""Every component of the stack, with its dependencies."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from infra.postgres.connections import ROOM_FOR_NEW_SERVICES, max_connections
from infra.stack.addresses import Addresses, encryption_of
from infra.stack.environment import Environments
from infra.stack.keys import Keys
from infra.stack.postgres_tls import PostgresTls
from infra.stack.processes import SIMULATORS, processes_of, services_here
from infra.stack.promotion import replication_of
from waypost.devstack.parts import Component, PythonOneShot, PythonServer
from waypost.hosting.processes import ServiceProcess
from waypost.kafka.topics import answers
from waypost.native.certificates import Certificate
from waypost.native.configuration.kafka import Listener
from waypost.native.kafka import Kafka, NodePorts, cluster_brokers
from waypost.native.postgres import Postgres
from waypost.native.zipkin import Zipkin
from waypost.postgres.provisioning.databases import ensure_databases


class Plan:
    """Components of one stack; `directory` holds its data and logs."""

    def __init__(
        self,
        addresses: Addresses,
        keys: Keys,
        directory: Path,
        *,
        listeners: Mapping[str, Mapping[str, Listener]] | None = None,
    ) -> None:
        """`listeners` are further ones of each broker, by the broker's name and their own."""
        self._at = addresses
        self._listeners = listeners or {}
        self._keys = keys
        self._directory = directory
        self.environments = Environments(addresses, keys)

    def components(self) -> list[Component]:
        return [*self._platform(), *self._outside_world(), *self._set_up(), *self._services()]

    def _platform(self) -> Iterator[Component]:
        at = self._at
        for name, broker in zip(at.servers.broker_names, self._brokers(), strict=True):
            ports = (at.port(name), at.port(f"{name}-controller"))
            yield Component(name=name, part=broker, ports=ports, log=self._log(name))
        for name in at.servers.database_names:
            yield Component(name=name, part=self._database(name), ports=(at.server_port(name),), log=self._log(name))
            if security := self.environments.security:
                yield self._encryption(name, security.postgres)
        zipkin = Zipkin(port=at.port("zipkin"), log=self._log("zipkin"))
        page = f"{at.url('zipkin')}/zipkin/"
        yield Component(
            name="zipkin", part=zipkin, ports=(at.port("zipkin"),), page=page, log=self._log("zipkin"), optional=True
        )

    def _brokers(self) -> Sequence[Kafka]:
        at, names, directory = self._at, self._at.servers.broker_names, self._directory / "kafka"
        nodes = [NodePorts(port=at.port(name), controller_port=at.port(f"{name}-controller")) for name in names]
        further = self._listeners.get
        security = self.environments.security
        secure: dict[str, Any] = (
            {"security": security.of_brokers(), "probe": partial(answers, security.administrator)} if security else {}
        )
        if len(nodes) > 1:
            return cluster_brokers(
                directory,
                nodes,
                log=lambda node: self._log(names[node - 1]),
                further=lambda node: further(names[node - 1], {}),
                **secure,
            )
        (node,), (name,) = nodes, names
        broker = Kafka(
            directory,
            port=node.port,
            controller_port=node.controller_port,
            log=self._log(name),
            further=further(name),
            **secure,
        )
        return [broker]

    def _database(self, name: str) -> Postgres:
        return Postgres(
            self._directory / name,
            port=self._at.server_port(name),
            password=self._keys.secrets.superuser,
            max_connections=max_connections(further=ROOM_FOR_NEW_SERVICES),
            log=self._log(name),
            replication=replication_of(name, self._at, self._directory),
        )

    def _encryption(self, server: str, certificate: Certificate) -> Component:
        name = encryption_of(server)
        port, log = self._at.port(server), self._log(name)
        front = PostgresTls(port=port, server_port=self._at.server_port(server), certificate=certificate, log=log)
        return Component(name=name, part=front, depends_on=(server,), ports=(port,), log=log)

    def _outside_world(self) -> Iterator[Component]:
        yield self._simulator("mail", "smtp")
        yield self._simulator("payments")
        yield self._simulator("registry", page="/subjects")
        yield self._simulator("start-page")

    def _simulator(self, name: str, *more_ports: str, page: str = "/") -> Component:
        url = self._at.url(name)
        environment = self.environments.simulator(name, self._directory / "simulators")
        server = PythonServer(SIMULATORS[name], environment=environment, log=self._log(name), health=f"{url}/livez")
        ports = [self._at.port(port) for port in (name, *more_ports)]
        return Component(name=name, part=server, ports=ports, page=f"{url}{page}", log=self._log(name))

    def _set_up(self) -> Iterator[Component]:
        log = self._log("databases")
        servers = self._at.servers.database_names
        needs = (*servers, *(encryption_of(name) for name in servers if self._at.servers.secure))
        yield Component(name="databases", part=self._ensure_databases, depends_on=needs, log=log)
        environment, log = self.environments.one_shot(), self._log("topics")
        topics = PythonOneShot("infra.kafka", environment=environment, log=log)
        yield Component(name="topics", part=topics, depends_on=self._at.servers.broker_names, log=log)
        for service in services_here():
            yield self._migration(service)

    def _migration(self, service: str) -> Component:
        name = f"{service}-migrations"
        environment = self.environments.process(service, ServiceProcess.MIGRATE)
        run = PythonOneShot(f"services.{service}", ServiceProcess.MIGRATE, environment=environment, log=self._log(name))
        return Component(name=name, part=run, depends_on=("databases",), log=self._log(name))

    def _services(self) -> Iterator[Component]:
        for service in services_here():
            for process in processes_of(service):
                yield self._process(service, process)

    def _process(self, service: str, process: ServiceProcess) -> Component:
        name = f"{service}-{process}"
        environment = self.environments.process(service, process)
        url = self._at.url(name)
        server = PythonServer(
            f"services.{service}", process, environment=environment, log=self._log(name), health=f"{url}/readyz"
        )
        # A worker needs its topics and a job process its mail server; the API answers without
        # either.
        needs = [f"{service}-migrations", *([] if process is ServiceProcess.API else ["topics", "mail", "payments"])]
        ports, page = [self._at.port(name)], f"{url}/metrics"
        if process is ServiceProcess.API:
            management = f"{service}-management"
            ports, page = [*ports, self._at.port(management)], f"{self._at.url(management)}/docs"
        return Component(name=name, part=server, depends_on=needs, ports=ports, page=page, log=self._log(name))

    async def _ensure_databases(self) -> None:
        await ensure_databases(self.environments.admin_dsn, self._keys.secrets.all_passwords)

    def _log(self, name: str) -> Path:
        return self._directory / "logs" / f"{name}.log"
