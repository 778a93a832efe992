"""Finds the application's services and the settings of their databases and brokers."""

import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from waypost.kernel.errors import Invalid, Misconfigured, NotFound
from waypost.ports.brokers import BrokerConnection, connection_from
from waypost.project import known_project, project, variable
from waypost.settings import value_of

if TYPE_CHECKING:  # the import of a service loads all its dependencies
    from waypost.hosting.service import Service

DIRECTORY_VARIABLE = variable("ENVIRONMENT_DIRECTORY")


def service_names() -> Sequence[str]:
    """Names of the application's services: the packages that have an `app` module."""
    folders = (module.name for module in iter_modules(import_module(project().services).__path__))
    return sorted(folder for folder in folders if find_spec(f"{project().services}.{folder}.app"))


def chosen_names(name: str | None) -> Sequence[str]:
    """The named service, or all services, without their declarations. Raises NotFound."""
    known = service_names()
    if name is None:
        return known
    if name not in known:
        raise NotFound(f"there is no service {name!r}; the services are {', '.join(known)}")
    return [name]


def service_named(name: str) -> "Service":
    """The declaration of a service, `SERVICE` in its `app` module. Raises NotFound."""
    (known,) = chosen_names(name)
    service: Service = import_module(f"{project().services}.{known}.app").SERVICE
    return service


def service_within(name: str, form: str) -> "Service":
    """The service of a qualified name such as `users.accounts`. Raises Invalid if the name does not
    have the form SERVICE.NAME, and NotFound.
    """
    service, _, rest = name.partition(".")
    if not rest:
        raise Invalid(f"{name!r} does not have the form {form}; the services are {', '.join(service_names())}")
    return service_named(service)


def chosen_services(name: str | None) -> "Sequence[Service]":
    """The named service, or all services. Raises NotFound."""
    return [service_named(chosen) for chosen in chosen_names(name)]


def environment_of(service: str) -> Mapping[str, str]:
    """The variables of `<service>.env`, one `NAME=value` per line. Raises Misconfigured if the file
    is not readable.
    """
    file = _directory() / f"{service}.env"
    try:
        lines = file.read_text().splitlines()
    except OSError as error:
        raise Misconfigured(f"cannot read {file}: {error.strerror}. {start_hint()}") from error
    return dict(line.split("=", 1) for line in lines if "=" in line)


def setting_of(service: str, name: str) -> str:
    """One variable of `<service>.env`, or the text of the file that `<name>_FILE` names. Raises
    Misconfigured if it is missing.
    """
    value = value_of(environment_of(service), name)
    if not value:
        raise Misconfigured(f"{name} is missing in {_directory() / service}.env; the stack writes the file at start")
    return value


def brokers_of(service: str) -> BrokerConnection:
    """The connection to Kafka with the rights of the command. Raises Misconfigured."""
    variables = environment_of(service)
    setting_of(service, variable("KAFKA_BOOTSTRAP"))
    return connection_from(variables)


def stack_brokers() -> BrokerConnection:
    """The connection of the first service: the command may read every topic as any of them."""
    return brokers_of(service_names()[0])


def stack_setting(name: str) -> str:
    """A variable that is equal in all services, such as the address of the broker or the trace
    viewer. Raises Misconfigured.
    """
    return setting_of(service_names()[0], name)


def start_hint() -> str:
    """Hint for an error that a stopped stack would cause."""
    application = known_project()
    command = application.start_command if application else None
    return f"Is the stack running? `{command}` starts it" if command else "Is the stack running?"


def _directory() -> Path:
    """The folder of the `.env` files: from the environment, else from the application's
    configuration. Raises Misconfigured if neither names one.
    """
    if named := os.environ.get(DIRECTORY_VARIABLE):
        return Path(named)
    application = project()
    if application.environment_directory is None:
        raise Misconfigured(
            "the folder of the services' settings is not configured: name the folder of <service>.env in"
            f" environment_directory of [tool.waypost], or in {DIRECTORY_VARIABLE}"
        )
    return application.root / application.environment_directory
