"""Every component of a project's stack, with its dependencies."""

from collections.abc import Iterator
from pathlib import Path

from waypost.devstack.environment import Environments
from waypost.devstack.issuer import HEALTH_PATH
from waypost.devstack.keys import load_or_make_secrets, load_or_make_signing_key
from waypost.devstack.parts import Component, PythonOneShot, PythonServer
from waypost.devstack.ports import Ports
from waypost.hosting.processes import ServiceProcess
from waypost.kafka.topic_creation import ensure_topics
from waypost.native.kafka import Kafka
from waypost.native.ports import LOOPBACK
from waypost.native.postgres import Postgres
from waypost.native.zipkin import Zipkin
from waypost.postgres.provisioning.databases import ensure_databases
from waypost.project import project
from waypost.schemas.topics import declared_topics


class StackPlan:
    """Components of one stack. `directory` holds its data, keys and logs; the caller holds the
    stack's lock.
    """

    def __init__(self, ports: Ports, directory: Path) -> None:
        self._at = ports
        self._directory = directory
        self._secrets = load_or_make_secrets(directory / "keys", ports.services)
        self._signing_key = load_or_make_signing_key(directory / "keys")
        self.environments = Environments(ports, self._secrets, self._signing_key)

    def components(self) -> list[Component]:
        return [*self._platform(), *self._set_up(), *self._services()]

    def _platform(self) -> Iterator[Component]:
        at, log = self._at, self._log("kafka")
        ports = (at.of("kafka"), at.of("kafka-controller"))
        kafka = Kafka(self._directory / "kafka", port=ports[0], controller_port=ports[1], log=log)
        yield Component(name="kafka", part=kafka, ports=ports, log=log)
        log, port = self._log("postgres"), at.of("postgres")
        postgres = Postgres(
            self._directory / "postgres",
            port=port,
            password=self._secrets.superuser,
            max_connections=self.environments.max_connections,
            log=log,
        )
        yield Component(name="postgres", part=postgres, ports=(port,), log=log)
        log, port = self._log("zipkin"), at.of("zipkin")
        page = f"http://{at.place('zipkin')}/zipkin/"
        yield Component(
            name="zipkin", part=Zipkin(port=port, log=log), ports=(port,), page=page, log=log, optional=True
        )
        yield self._issuer()

    def _issuer(self) -> Component:
        log, port = self._log("issuer"), self._at.of("issuer")
        server = PythonServer(
            "waypost.devstack.issuer",
            str(port),
            str(self._signing_key),
            environment={},
            log=log,
            health=f"http://{self._at.place('issuer')}{HEALTH_PATH}",
        )
        return Component(name="issuer", part=server, ports=(port,), log=log)

    def _set_up(self) -> Iterator[Component]:
        log = self._log("databases")
        yield Component(name="databases", part=self._ensure_databases, depends_on=("postgres",), log=log)
        yield Component(name="topics", part=self._ensure_topics, depends_on=("kafka",), log=self._log("topics"))
        for service in self._at.services:
            name = f"{service}-migrations"
            run = PythonOneShot(
                f"{project().services}.{service}",
                ServiceProcess.MIGRATE,
                environment=self.environments.process(service, ServiceProcess.MIGRATE),
                log=self._log(name),
            )
            yield Component(name=name, part=run, depends_on=("databases",), log=self._log(name))

    def _services(self) -> Iterator[Component]:
        for service in self._at.services:
            for process in processes_of(service):
                yield self._process(service, process)

    def _process(self, service: str, process: ServiceProcess) -> Component:
        name, url = f"{service}-{process}", self._at.url(service, process)
        server = PythonServer(
            f"{project().services}.{service}",
            process,
            environment=self.environments.process(service, process),
            log=self._log(name),
            health=f"{url}/readyz",
        )
        ports, page = [self._at.of_process(service, process)], f"{url}/metrics"
        if process is ServiceProcess.API:
            management = self._at.of_management(service)
            ports, page = [*ports, management], f"http://{LOOPBACK}:{management}/docs"
        return Component(
            name=name,
            part=server,
            depends_on=(f"{service}-migrations", "topics", "issuer"),
            ports=ports,
            page=page,
            log=self._log(name),
        )

    async def _ensure_databases(self) -> None:
        passwords = {service: self._secrets.passwords(service) for service in self._at.services}
        await ensure_databases(self.environments.admin_dsn, passwords)

    async def _ensure_topics(self) -> None:
        await ensure_topics(self._at.place("kafka"), declared_topics())

    def _log(self, name: str) -> Path:
        return self._directory / "logs" / f"{name}.log"


def processes_of(service: str) -> list[ServiceProcess]:
    """The processes of a service: three, and one more for the live view if the service has a `live`
    package.
    """
    live = (project().services_folder / service / "live").exists()
    return [ServiceProcess.API, ServiceProcess.WORKER, ServiceProcess.JOBS, *([ServiceProcess.LIVE] if live else [])]
