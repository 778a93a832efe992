"""The services that the command works on, and how it reaches each."""

import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from shared.hosting.service import Service
from shared.kernel.errors import Misconfigured, NotFound

DIRECTORY = "WAYPOST_ENVIRONMENT_DIRECTORY"


def service_named(name: str) -> Service:
    """Its declaration, from `services.<name>.app`. Raises NotFound."""
    try:
        service: Service = import_module(f"services.{name}.app").SERVICE
    except ModuleNotFoundError as error:
        raise NotFound(f"there is no service {name!r}") from error
    return service


def environment_of(service: str) -> Mapping[str, str]:
    """The variables of `<service>.env`, one `NAME=value` a line. Raises Misconfigured and says what to set."""
    directory = os.environ.get(DIRECTORY)
    if directory is None:
        raise Misconfigured(f"{DIRECTORY} is not set: it is the folder of <service>.env files, or call bin/waypost")
    file = Path(directory) / f"{service}.env"
    try:
        lines = file.read_text().splitlines()
    except OSError as error:
        raise Misconfigured(f"cannot read {file}: {error.strerror}. Does the stack run? `make up`") from error
    return dict(line.split("=", 1) for line in lines if "=" in line)
