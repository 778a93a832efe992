"""The services that the command works on, and how it reaches each."""

import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from waypost.kernel.errors import Invalid, Misconfigured, NotFound
from waypost.project import known_project, project, variable

if TYPE_CHECKING:  # the declaration of a service brings all that the service uses
    from waypost.hosting.service import Service

DIRECTORY = variable("ENVIRONMENT_DIRECTORY")


def service_names() -> Sequence[str]:
    """Those of the application that have an `app` module."""
    folders = (each.name for each in iter_modules(import_module(project().services).__path__))
    return sorted(each for each in folders if find_spec(f"{project().services}.{each}.app"))


def service_named(name: str) -> "Service":
    """Its declaration, `SERVICE` in its `app` module. Raises NotFound."""
    known = service_names()
    if name not in known:
        raise NotFound(f"there is no service {name!r}; there are {', '.join(known)}")
    service: Service = import_module(f"{project().services}.{name}.app").SERVICE
    return service


def service_within(name: str, form: str) -> "Service":
    """That of `users.accounts`, whose form is SERVICE.NAME. Raises Invalid for a name of another
    form, NotFound.
    """
    service, _, rest = name.partition(".")
    if not rest:
        raise Invalid(f"{name!r} is no {form}; the services are {', '.join(service_names())}")
    return service_named(service)


def chosen_services(name: str | None) -> "Sequence[Service]":
    """The one that was named, else all. Raises NotFound."""
    return [service_named(each) for each in ([name] if name else service_names())]


def environment_of(service: str) -> Mapping[str, str]:
    """The variables of `<service>.env`, one `NAME=value` a line. Raises Misconfigured and says what
    to do.
    """
    file = _directory() / f"{service}.env"
    try:
        lines = file.read_text().splitlines()
    except OSError as error:
        raise Misconfigured(f"cannot read {file}: {error.strerror}. {start_hint()}") from error
    return dict(line.split("=", 1) for line in lines if "=" in line)


def setting_of(service: str, name: str) -> str:
    """One variable of a service. Raises Misconfigured."""
    value = environment_of(service).get(name)
    if not value:
        raise Misconfigured(
            f"{name} is missing in {_directory() / service}.env; the stack writes the file as it starts"
        )
    return value


def stack_setting(name: str) -> str:
    """A variable that every service has alike: the broker, the trace viewer. Raises Misconfigured."""
    return setting_of(service_names()[0], name)


def start_hint() -> str:
    """What to do where a part of the stack is away."""
    found = known_project()
    command = found.start_command if found else None
    return f"Does the stack run? `{command}` starts it" if command else "Does the stack run?"


def _directory() -> Path:
    """The one that the environment names, else the application's. Raises Misconfigured."""
    if named := os.environ.get(DIRECTORY):
        return Path(named)
    own = project()
    if own.environment_directory is None:
        raise Misconfigured(
            "it is not known where the services' settings are: name the folder of <service>.env in"
            f" environment_directory of [tool.waypost], or in {DIRECTORY}"
        )
    return own.root / own.environment_directory
