"""Checks before a process starts: the declaration is complete, the server allows the connections of
all processes, and the database matches the code.
"""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from importlib import import_module
from importlib.util import find_spec
from itertools import chain
from pkgutil import walk_packages
from types import ModuleType

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.hosting.asyncapi.recorded import recorded_events
from waypost.hosting.service import Service
from waypost.kernel.command import Command
from waypost.kernel.errors import Misconfigured
from waypost.kernel.event import is_encryptable
from waypost.ports.consumers import AsyncProjection, InlineProjection, Reactor, decrypts
from waypost.postgres.drift import refuse_drift, refuse_pending_migrations
from waypost.postgres.expected_tables import TOOLKIT_TABLES, own_tables, read_tables
from waypost.postgres.revisions import TOOLKIT, service_line
from waypost.postgres.role_drift import refuse_role_drift
from waypost.postgres.tenancy import refuse_without_tenant
from waypost.project import project, variable

MODULES = ("commands", "handlers", "projections")
"""Modules in which a service declares commands, handlers and projections."""

_MAX_CONNECTIONS = text("select current_setting('max_connections')::int")


async def refuse_small_server(connection: AsyncConnection, budget: int) -> None:
    """Raises Misconfigured if the server allows fewer connections. Without this check the error
    would appear first under load.
    """
    allowed = await connection.scalar(_MAX_CONNECTIONS)
    if allowed < budget:
        raise Misconfigured(
            f"PostgreSQL allows {allowed} connections, but the processes that share it may open {budget}:"
            f" set max_connections = {budget} on the server, or lower {variable('CONNECTION_BUDGET')} if fewer processes share it",
            max_connections=allowed,
            budget=budget,
        )


async def refuse_other_database(connection: AsyncConnection, service: Service) -> None:
    """Raises Misconfigured if migrations are pending, if a table, column, grant or policy is
    missing, and if a role could pass row-level security.
    """
    await refuse_pending_migrations(connection, service.name, [TOOLKIT, service_line(service.name)])
    read = chain.from_iterable(read_tables(model.name, model.tables) for model in service.read_models)
    await refuse_drift(connection, service.name, [*TOOLKIT_TABLES, *own_tables(service.tables), *read])
    await refuse_role_drift(connection, service.name)


def refuse_incomplete(service: Service) -> None:
    """Raises Misconfigured with one line for each part that is declared twice, or defined but not
    registered.
    """
    problems = [*_twice(service), *_unregistered(service), *_without_keys(service), *_unread(service)]
    if problems:
        raise Misconfigured("\n".join([f"the declaration of {service.name} is incomplete:", *problems]))
    for metadata in (*service.tables, *(model.tables for model in service.read_models)):
        for table in metadata.sorted_tables:
            refuse_without_tenant(table)


def _twice(service: Service) -> Iterator[str]:
    for name in _repeated(consumer.name for consumer in service.consumers):
        yield f"  two consumers have the name {name}: they would share one position. Rename one of them"
    for name in _repeated(model.name for model in service.read_models):
        yield f"  two read models have the name {name}: they would share one schema. Rename one of them"


def _without_keys(service: Service) -> Iterator[str]:
    """Without the keys every encrypted record would become a dead letter, and the service's own
    personal data would be published in plain text.
    """
    if service.person_keys is not None:
        return
    package = f"{project().services}.{service.name}"
    if _exists(package):
        own = sorted(kind.type for kind in recorded_events(package) if is_encryptable(kind))
        if own:
            yield (
                f"  {service.name} records events with personal data ({', '.join(own)}), which would be stored and published"
                " in plain text. Set person_keys of the service, and consume the topic of keys (waypost.engine.person_keys)"
                " unless the service creates them"
            )
    for consumer in service.consumers:
        if decrypts(consumer):
            yield (
                f"  consumer {consumer.name} handles events with personal data, which are encrypted. Set person_keys of the"
                " service and consume the topic of keys (waypost.engine.person_keys), or set reads_personal_data=False"
            )


def _unread(service: Service) -> Iterator[str]:
    """Without these consumers, a read that waits for its own write could be refused by earlier
    rights.
    """
    known = {consumer.name for consumer in service.consumers}
    for name in sorted(service.rights_consumers):
        if name not in known:
            yield (
                f"  authorize reads the rows of the consumer {name}, which the service does not have. Declare it, or correct"
                " authorization_reads"
            )


def _repeated(names: Iterable[str]) -> Iterator[str]:
    return (name for name, count in Counter(names).items() if count > 1)


def _unregistered(service: Service) -> Iterator[str]:
    registered = {id(projection) for projection in (*service.projections, *service.consumers)}
    reported: set[int] = set()
    for module in _modules(service):
        for name, value in vars(module).items():
            if id(value) in reported:
                continue
            if isinstance(value, Reactor | AsyncProjection | InlineProjection) and id(value) not in registered:
                table = "PROJECTIONS" if isinstance(value, InlineProjection) else "CONSUMERS"
                reported.add(id(value))
                yield f"  {module.__name__}.{name} is not registered: it would receive no events. Add it to {table}"
            elif _is_command_of(module, value) and value not in service.commands:
                yield f"  command {module.__name__}.{name} has no handler: add `{name}: <handler>` to COMMANDS"


def _is_command_of(module: ModuleType, value: object) -> bool:
    """True for a concrete command that this module defines."""
    return (
        isinstance(value, type)
        and issubclass(value, Command)
        and value.__module__ == module.__name__
        and not value.__subclasses__()
    )


def _exists(package: str) -> bool:
    return package in sys.modules or find_spec(package) is not None


def _modules(service: Service) -> Iterator[ModuleType]:
    package = f"{project().services}.{service.name}"
    if not _exists(package):
        return
    for name in (f"{package}.{module}" for module in MODULES):
        if find_spec(name) is None:
            continue
        module = import_module(name)
        yield module
        for found in walk_packages(getattr(module, "__path__", ()), prefix=f"{name}."):
            yield import_module(found.name)
