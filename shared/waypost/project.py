"""Configuration of the application: the table `[tool.waypost]` in its `pyproject.toml`.

| key | default | meaning |
|---|---|---|
| `services` | `services` | package with one sub-package per service |
| `schemas` | `schemas` | package with sources, lock, samples, topics and classes |
| `namespace` | the name under `[project]` | Avro namespace: `<namespace>.<service>.<Record>` |
| `topic_prefix` | empty | first part of topics and groups: `staging.users.user` |
| `token_issuer`, `token_audience` | namespace | claims `iss` and `aud` (RFC 7519) |
| `problem_prefix` | `urn:<namespace>:problem:` | first part of `type` (RFC 9457) |
| `environment_prefix` | `WAYPOST_` | first part of the name of every environment variable |
| `metrics_prefix` | `waypost_` | first part of the name of every metric |
| `environment_directory` | none | folder of `<service>.env` files, relative to this file |
| `start_command` | none | command that starts the application's stack; errors name it |

The file is searched in the working directory and its parents. `WAYPOST_PROJECT` names its folder
instead; this variable does not have the configured prefix. A program without the file calls
`configure`.
"""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

from waypost.kernel.errors import Misconfigured

FILE = "pyproject.toml"
FOLDER_VARIABLE = "WAYPOST_PROJECT"
ENVIRONMENT_PREFIX = "WAYPOST_"
METRICS_PREFIX = "waypost_"

_FORMS: Mapping[str, str] = {
    "services": r"\w+(\.\w+)*",
    "schemas": r"\w+(\.\w+)*",
    "namespace": r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*",
    "topic_prefix": r"[A-Za-z0-9._-]{0,100}",
    "token_issuer": r".+",
    "token_audience": r".+",
    "problem_prefix": r"\S+",
    "environment_prefix": r"[A-Z][A-Z0-9_]*_",
    "metrics_prefix": r"[a-zA-Z_:][a-zA-Z0-9_:]*",
    "environment_directory": r".+",
    "start_command": r".+",
}
"""Regular expression for the value of each key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """Configuration of one application."""

    root: Path
    """Folder of the `pyproject.toml`."""
    namespace: str
    token_issuer: str
    token_audience: str
    problem_prefix: str
    services: str = "services"
    schemas: str = "schemas"
    topic_prefix: str = ""
    environment_prefix: str = ENVIRONMENT_PREFIX
    metrics_prefix: str = METRICS_PREFIX
    environment_directory: str | None = None
    start_command: str | None = None

    @property
    def schemas_folder(self) -> Path:
        return self.root.joinpath(*self.schemas.split("."))

    @property
    def services_folder(self) -> Path:
        return self.root.joinpath(*self.services.split("."))

    @property
    def title(self) -> str:
        """Title for pages: `acme` → `Acme`."""
        return self.namespace.rpartition(".")[2].capitalize()


_configured: Project | None = None


def project() -> Project:
    """The configuration of this process's application. Raises Misconfigured if there is none."""
    found = known_project()
    if found is None:
        raise Misconfigured(
            f"no {FILE} with a [tool.waypost] table in {os.environ.get(FOLDER_VARIABLE) or f'{Path.cwd()} or its parents'}:"
            f" run the command inside the project, or name its folder in {FOLDER_VARIABLE}"
        )
    return found


def known_project() -> Project | None:
    """The configuration of this process's application, or None. Raises Misconfigured for an invalid
    table.
    """
    return _configured or declared_project()


def configure(chosen: Project | None) -> None:
    """Sets the configuration of this process, instead of the file's. Call it before the parts of
    the process are imported. None restores the file's.
    """
    global _configured
    _configured = chosen


@contextmanager
def configured(chosen: Project) -> Iterator[None]:
    """`configure` for the duration of a block."""
    before = _configured
    configure(chosen)
    try:
        yield
    finally:
        configure(before)


def variable(name: str) -> str:
    """Name of the environment variable: `APP_DSN` → `WAYPOST_APP_DSN`."""
    found = known_project()
    return (found.environment_prefix if found else ENVIRONMENT_PREFIX) + name


def metric(name: str) -> str:
    """Name of the metric: `outbox_pending` → `waypost_outbox_pending`."""
    found = known_project()
    return (found.metrics_prefix if found else METRICS_PREFIX) + name


def on_cluster(name: str) -> str:
    """Name of a topic or consumer group on the Kafka cluster: `users.user` →
    `staging.users.user`.
    """
    found = known_project()
    return (found.topic_prefix if found else "") + name


def from_cluster(name: str) -> str:
    """The inverse of `on_cluster`. A name without the prefix is unchanged."""
    found = known_project()
    return name.removeprefix(found.topic_prefix) if found else name


def is_ours(name: str) -> bool:
    """True if a topic of the cluster has the application's prefix, or if no application is
    configured.
    """
    found = known_project()
    return name.startswith(found.topic_prefix) if found else True


def read_project(root: Path) -> Project | None:
    """The configuration in the `pyproject.toml` of a folder. None without the file or its table.
    Raises Misconfigured for an invalid table.
    """
    file = root / FILE
    if not file.is_file():
        return None
    document = tomllib.loads(file.read_text(encoding="utf-8"))
    table = document.get("tool", {}).get("waypost")
    return None if table is None else _project(file, table, document.get("project", {}).get("name"))


@cache
def declared_project() -> Project | None:
    return next(filter(None, map(read_project, _candidates())), None)


def _candidates() -> Iterator[Path]:
    if folder_name := os.environ.get(FOLDER_VARIABLE):
        yield Path(folder_name)
        return
    folder = Path.cwd()
    yield folder
    yield from folder.parents


def _project(file: Path, table: Mapping[str, object], name: object) -> Project:
    known = {field.name for field in fields(Project)} - {"root"}
    if unknown := sorted(set(table) - known):
        raise Misconfigured(f"{file}: [tool.waypost] has no key {unknown[0]!r}; keys are {', '.join(sorted(known))}")
    values = {key: _value(file, key, value) for key, value in table.items()}
    namespace = values.pop("namespace", None) or (str(name).replace("-", "_") if name else None)
    if not namespace:
        raise Misconfigured(f"{file}: [tool.waypost] needs `namespace`, or [project] needs `name`")
    defaults = {
        "token_issuer": namespace,
        "token_audience": namespace,
        "problem_prefix": f"urn:{re.sub(r'[._]', '-', namespace)}:problem:",
    }
    return Project(root=file.parent, namespace=namespace, **{**defaults, **values})


def _value(file: Path, key: str, value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(_FORMS[key], value):
        raise Misconfigured(f"{file}: [tool.waypost] {key} is {value!r}; it must match {_FORMS[key]}")
    return value
