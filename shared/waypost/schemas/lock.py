"""`registry.lock.json`: the schema id of each published version. Ids are consecutive, in lock
order, and never change.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from waypost.schemas.lock_damage import ambiguity, damaged_lock
from waypost.schemas.sources import SchemaSource

LOCK = "registry.lock.json"
"""Name of the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedSchema:
    """One entry of the lock."""

    id: int
    subject: str
    type: str
    version: int
    file: str
    fingerprint: str
    """See `SchemaSource.fingerprint`."""
    digest: str
    """See `SchemaSource.digest`."""


def read_lock(root: Path) -> tuple[LockedSchema, ...]:
    """The entries in lock order. Empty before the first lock. Raises SchemaProblem for a damaged
    lock.
    """
    path = root / LOCK
    return parse_lock(path.read_bytes()) if path.exists() else ()


def parse_lock(text: str | bytes, *, where: str = LOCK) -> tuple[LockedSchema, ...]:
    """The entries in the text of a lock file. Raises SchemaProblem, which names the file with
    `where`, for text that is not a lock.
    """
    try:
        lines = tuple(_entry(number, line) for number, line in enumerate(json.loads(text)["schemas"], start=1))
    except (ValueError, TypeError, KeyError) as error:
        raise damaged_lock(where, text, error) from error
    if problem := ambiguity(where, [(line.id, f"{line.type} {line.version}") for line in lines]):
        raise problem
    return lines


def _entry(number: int, line: Mapping[str, Any]) -> LockedSchema:
    entry = LockedSchema(**line)
    for field in fields(entry):
        if type(getattr(entry, field.name)) is not field.type:
            raise TypeError(f"{field.name} is not {getattr(field.type, '__name__', field.type)} in entry {number}")
    return entry


def append_to_lock(sources: Sequence[SchemaSource], root: Path) -> tuple[LockedSchema, ...]:
    """Assigns the next ids to the versions without an id, in the order of `sources`. Returns the
    new entries. Existing entries do not change.
    """
    old = read_lock(root)
    known = {(line.type, line.version) for line in old}
    fresh = [source for source in sources if (source.event_type, source.version) not in known]
    new = tuple(locked(number, source) for number, source in enumerate(fresh, start=len(old) + 1))
    if new:
        write_lock(root, (*old, *new))
    return new


def locked(number: int, source: SchemaSource) -> LockedSchema:
    """The lock entry of a version with this id."""
    return LockedSchema(
        id=number,
        subject=source.subject,
        type=source.event_type,
        version=source.version,
        file=source.label,
        fingerprint=source.fingerprint,
        digest=source.digest,
    )


def write_lock(root: Path, lines: Sequence[LockedSchema]) -> None:
    """Replaces the file."""
    rows = ",\n".join("    " + json.dumps(asdict(line)) for line in lines)
    (root / LOCK).write_text('{\n  "schemas": [\n' + rows + "\n  ]\n}\n", encoding="utf-8")
