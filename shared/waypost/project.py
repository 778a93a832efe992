"""The application's own settings: `[tool.waypost]` in its `pyproject.toml`.

| key | default | meaning |
|---|---|---|
| `services` | `services` | package with one sub-package per service |
| `schemas` | `schemas` | package with the `.avsc` sources, the lock, the samples, the topics and the generated event classes |
| `namespace` | the name under `[project]` | Avro namespace of every record: `<namespace>.<service>.<Record>` |
| `topic_prefix` | empty | put before the name of every Kafka topic, as in `staging.users.user` |
| `token_issuer`, `token_audience` | the namespace | claims `iss` and `aud` of access tokens (RFC 7519) |
| `environment_prefix` | `WAYPOST_` | first part of the name of every environment variable |
| `metrics_prefix` | `waypost_` | first part of the name of every metric |

The file is looked for in the working directory and its parents. `WAYPOST_PROJECT` names its folder instead.
"""

import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

from waypost.kernel.errors import Misconfigured

FILE = "pyproject.toml"
FOLDER_VARIABLE = "WAYPOST_PROJECT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """One application. Immutable; read once per process."""

    root: Path
    """Folder of the `pyproject.toml`."""
    namespace: str
    token_issuer: str
    token_audience: str
    services: str = "services"
    schemas: str = "schemas"
    topic_prefix: str = ""
    environment_prefix: str = "WAYPOST_"
    metrics_prefix: str = "waypost_"

    @property
    def schemas_folder(self) -> Path:
        return self.root.joinpath(*self.schemas.split("."))

    @property
    def services_folder(self) -> Path:
        return self.root.joinpath(*self.services.split("."))


@cache
def project() -> Project:
    """The application that this process belongs to. Raises Misconfigured where no `pyproject.toml` declares one."""
    for folder in _candidates():
        file = folder / FILE
        if file.is_file():
            document = tomllib.loads(file.read_text(encoding="utf-8"))
            table = document.get("tool", {}).get("waypost")
            if table is not None:
                return _read(folder, table, document.get("project", {}).get("name"))
    raise Misconfigured(
        f"no {FILE} with a [tool.waypost] table in {Path.cwd()} or its parents:"
        f" run the command inside the project, or name its folder in {FOLDER_VARIABLE}"
    )


def _candidates() -> Iterator[Path]:
    if named := os.environ.get(FOLDER_VARIABLE):
        yield Path(named)
        return
    here = Path.cwd()
    yield here
    yield from here.parents


def _read(root: Path, table: dict[str, object], name: object) -> Project:
    known = {field.name for field in fields(Project)} - {"root"}
    if unknown := sorted(set(table) - known):
        raise Misconfigured(
            f"{root / FILE}: [tool.waypost] has no key {unknown[0]!r}; keys are {', '.join(sorted(known))}"
        )
    wrong = sorted(key for key, value in table.items() if not isinstance(value, str))
    if wrong:
        raise Misconfigured(f"{root / FILE}: [tool.waypost] {wrong[0]} is not a string")
    given = {key: str(value) for key, value in table.items()}
    namespace = given.pop("namespace", None) or (str(name) if name else None)
    if not namespace:
        raise Misconfigured(f"{root / FILE}: [tool.waypost] needs `namespace`, or [project] needs `name`")
    issuer = given.pop("token_issuer", namespace)
    audience = given.pop("token_audience", namespace)
    return Project(root=root, namespace=namespace, token_issuer=issuer, token_audience=audience, **given)
