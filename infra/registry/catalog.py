"""The schemas of the lock file, found by id and by subject and version."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.registry.errors import schema_not_found, subject_not_found, version_not_found
from waypost.kernel.errors import Misconfigured

LOCK_FILE = "registry.lock.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredSchema:
    id: int
    subject: str
    version: int
    schema: str

    def shown(self) -> dict[str, Any]:
        return {"subject": self.subject, "version": self.version, "id": self.id, "schema": self.schema}


class Catalog:
    """Immutable. Two entries may share an id only where Confluent's registry allows it: the same
    schema under two subjects.
    """

    def __init__(self, schemas: Iterable[RegisteredSchema]) -> None:
        self._by_id: dict[int, list[RegisteredSchema]] = defaultdict(list)
        self._by_subject: dict[str, dict[int, RegisteredSchema]] = defaultdict(dict)
        for schema in schemas:
            self._add(schema)

    def all(self) -> list[RegisteredSchema]:
        return [schema for subject in self.subjects() for _, schema in sorted(self._by_subject[subject].items())]

    def subjects(self) -> list[str]:
        return sorted(self._by_subject)

    def with_id(self, schema_id: int) -> list[RegisteredSchema]:
        """At least one; raises `RegistryError` 40403."""
        if schema_id not in self._by_id:
            raise schema_not_found(schema_id)
        return self._by_id[schema_id]

    def versions(self, subject: str) -> Mapping[int, RegisteredSchema]:
        """Raises `RegistryError` 40401."""
        if subject not in self._by_subject:
            raise subject_not_found(subject)
        return self._by_subject[subject]

    def version(self, subject: str, version: int | None) -> RegisteredSchema:
        """The latest when `version` is None; raises `RegistryError` 40401 or 40402."""
        versions = self.versions(subject)
        wanted = max(versions) if version is None else version
        if wanted not in versions:
            raise version_not_found(wanted)
        return versions[wanted]

    def registered(self, subject: str, schema: str) -> RegisteredSchema:
        """The version with an equal schema, ignoring white space; raises `RegistryError` 40401 or
        40403.
        """
        asked = _meaning(schema)
        for known in self.versions(subject).values():
            if asked is not None and _meaning(known.schema) == asked:
                return known
        raise schema_not_found()

    def _add(self, schema: RegisteredSchema) -> None:
        versions = self._by_subject[schema.subject]
        twins = self._by_id[schema.id]
        if schema.version in versions or any(twin.schema != schema.schema for twin in twins):
            raise Misconfigured(f"{LOCK_FILE} names {schema.subject} version {schema.version} (id {schema.id}) twice")
        versions[schema.version] = schema
        twins.append(schema)


def read_catalog(directory: Path) -> Catalog:
    """All schemas of the lock file in `directory`; raises `Misconfigured` when it or a schema file
    is missing or malformed.
    """
    try:
        entries = json.loads((directory / LOCK_FILE).read_text())["schemas"]
        return Catalog(_registered(directory, entry) for entry in entries)
    except OSError as error:
        raise Misconfigured(
            f"cannot read {error.filename}: set WAYPOST_SCHEMAS_DIRECTORY to the folder of {LOCK_FILE}"
        ) from error
    except (KeyError, TypeError, ValueError) as error:
        raise Misconfigured(f"{directory / LOCK_FILE} or a schema that it names is malformed: {error!r}") from error


def _registered(directory: Path, entry: dict[str, Any]) -> RegisteredSchema:
    # Written compactly, as Confluent's registry does: clients cache and compare the text.
    schema = json.dumps(json.loads((directory / entry["file"]).read_text()), separators=(",", ":"), ensure_ascii=False)
    return RegisteredSchema(id=int(entry["id"]), subject=entry["subject"], version=int(entry["version"]), schema=schema)


def _meaning(schema: str) -> object:
    try:
        return json.loads(schema)
    except ValueError:
        return None
