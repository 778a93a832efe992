"""The application's own names: the table `[tool.waypost]` in its `pyproject.toml`.

| key | default | meaning |
|---|---|---|
| `services` | `services` | package with one sub-package per service |
| `schemas` | `schemas` | package with the `.avsc` sources, the lock, the samples, the topics and the event classes |
| `namespace` | the name under `[project]` | Avro namespace of every record: `<namespace>.<service>.<Record>` |
| `topic_prefix` | empty | first part of every topic and consumer group on the cluster: `staging.users.user` |
| `token_issuer`, `token_audience` | the namespace | claims `iss` and `aud` of access tokens (RFC 7519) |
| `problem_prefix` | `urn:<namespace>:problem:` | first part of the `type` of every problem (RFC 9457) |
| `environment_prefix` | `WAYPOST_` | first part of the name of every environment variable |
| `metrics_prefix` | `waypost_` | first part of the name of every metric |
| `environment_directory` | none | folder with one `<service>.env` per service, for the command; relative to the file |
| `start_command` | none | starts the application's stack; the command's errors name it |

The file is looked for in the working directory and its parents. `WAYPOST_PROJECT` names its folder
instead; this one variable has its name before the table is read. A program that has no such file
calls `configure`.
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
"""Regular expression of every key's value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """One application. Immutable."""

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
        """For the heads of pages: `acme` → `Acme`."""
        return self.namespace.rpartition(".")[2].capitalize()


_configured: Project | None = None


def project() -> Project:
    """The application that this process belongs to. Raises Misconfigured where nothing declares
    one.
    """
    found = known_project()
    if found is None:
        raise Misconfigured(
            f"no {FILE} with a [tool.waypost] table in {os.environ.get(FOLDER_VARIABLE) or f'{Path.cwd()} or its parents'}:"
            f" run the command inside the project, or name its folder in {FOLDER_VARIABLE}"
        )
    return found


def known_project() -> Project | None:
    """The same; None where nothing declares one. Raises Misconfigured for a table that cannot be
    used.
    """
    return _configured or declared_project()


def configure(chosen: Project | None) -> None:
    """Takes the place of the file, for this process. Call it before the parts of the process are
    imported; None is the file again.
    """
    global _configured
    _configured = chosen


@contextmanager
def configured(chosen: Project) -> Iterator[None]:
    """`configure` for the length of a block."""
    before = _configured
    configure(chosen)
    try:
        yield
    finally:
        configure(before)


def variable(name: str) -> str:
    """The environment variable of that name: `APP_DSN` → `WAYPOST_APP_DSN`."""
    found = known_project()
    return (found.environment_prefix if found else ENVIRONMENT_PREFIX) + name


def metric(name: str) -> str:
    """The metric of that name: `outbox_pending` → `waypost_outbox_pending`."""
    found = known_project()
    return (found.metrics_prefix if found else METRICS_PREFIX) + name


def on_cluster(name: str) -> str:
    """A topic or consumer group as the Kafka cluster knows it: `users.user` → `staging.users.user`."""
    found = known_project()
    return (found.topic_prefix if found else "") + name


def from_cluster(name: str) -> str:
    """The reverse. A name without the prefix stays as it is."""
    found = known_project()
    return name.removeprefix(found.topic_prefix) if found else name


def is_ours(name: str) -> bool:
    """Whether a topic of the cluster has the application's prefix."""
    found = known_project()
    return name.startswith(found.topic_prefix) if found else True


def read_project(root: Path) -> Project | None:
    """What the `pyproject.toml` in that folder declares; None without the file or its table. Raises
    Misconfigured.
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
    if named := os.environ.get(FOLDER_VARIABLE):
        yield Path(named)
        return
    here = Path.cwd()
    yield here
    yield from here.parents


def _project(file: Path, table: Mapping[str, object], name: object) -> Project:
    known = {field.name for field in fields(Project)} - {"root"}
    if unknown := sorted(set(table) - known):
        raise Misconfigured(f"{file}: [tool.waypost] has no key {unknown[0]!r}; keys are {', '.join(sorted(known))}")
    given = {key: _value(file, key, value) for key, value in table.items()}
    namespace = given.pop("namespace", None) or (str(name).replace("-", "_") if name else None)
    if not namespace:
        raise Misconfigured(f"{file}: [tool.waypost] needs `namespace`, or [project] needs `name`")
    defaults = {
        "token_issuer": namespace,
        "token_audience": namespace,
        "problem_prefix": f"urn:{re.sub(r'[._]', '-', namespace)}:problem:",
    }
    return Project(root=file.parent, namespace=namespace, **{**defaults, **given})


def _value(file: Path, key: str, value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(_FORMS[key], value):
        raise Misconfigured(f"{file}: [tool.waypost] {key} is {value!r}; it must match {_FORMS[key]}")
    return value
