"""Environment variables of every process, from the settings classes."""

from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from infra.reference.docstrings import attribute_docs
from infra.reference.markdown import code, page, table
from infra.services import SERVICES
from waypost.hosting.settings import ApiSettings, JobSettings, LiveSettings, MigrateSettings, WorkerSettings
from waypost.project import variable
from waypost.telemetry.tracing import VARIABLES

PROCESSES: Sequence[tuple[str, type[BaseSettings]]] = [
    ("Process `api`", ApiSettings),
    ("Process `worker`", WorkerSettings),
    ("Process `jobs`", JobSettings),
    ("Process `live`", LiveSettings),
    ("Process `migrate`", MigrateSettings),
]


def settings_page() -> str:
    sections = [_section(title, kind) for title, kind in [*PROCESSES, *_of_services()]]
    return page(
        "Settings",
        "Environment variables, per process. A process that misses one exits with code 2 and names it.",
        *sections,
        _tracing(),
    )


def _tracing() -> str:
    rows = [(code(name), code(default) if default else "unset", meaning) for name, default, meaning in VARIABLES]
    return f"## Traces, every process\n\n{table(('variable', 'default', 'meaning'), rows)}"


def _of_services() -> Iterator[tuple[str, type[BaseSettings]]]:
    """A service without external systems has no module `settings`."""
    for name, service in ((f"services.{service}.settings", service) for service in SERVICES):
        if find_spec(name) is None:
            continue
        module = import_module(name)
        for kind in vars(module).values():
            if isinstance(kind, type) and issubclass(kind, BaseSettings) and kind.__module__ == module.__name__:
                yield f"Service `{service}`", kind


def _section(title: str, kind: type[BaseSettings]) -> str:
    docs = attribute_docs(kind)
    rows = [
        (code(variable(name.upper())), _default(field), docs.get(name, "")) for name, field in kind.model_fields.items()
    ]
    return f"## {title}\n\n{table(('variable', 'default', 'meaning'), rows)}"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None:
        return "unset"
    if isinstance(value, SecretStr):
        return "a secret"
    return code(str(value)) if isinstance(value, str | int | float | bool) else "see the code"
