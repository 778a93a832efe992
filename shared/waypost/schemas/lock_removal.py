"""Removes a lock entry that is not in use yet: the newest one, before its commit."""

from pathlib import Path

from waypost.schemas.committed_lock import committed_entries
from waypost.schemas.lock import LOCK, LockedSchema, read_lock, write_lock
from waypost.schemas.problems import SchemaProblem
from waypost.schemas.samples import sample_path


def unlock(root: Path, event_type: str, version: int) -> LockedSchema:
    """Removes the entry and its sample. The `.avsc` file stays. Raises SchemaProblem if the id may
    already be in use.
    """
    lines = read_lock(root)
    line = next((entry for entry in lines if (entry.type, entry.version) == (event_type, version)), None)
    label = f"{event_type} version {version}"
    if line is None:
        raise SchemaProblem(
            label, "it is not locked", f"{LOCK} has no such entry", "check the event type and the version"
        )
    if (event_type, version) in {(entry.type, entry.version) for entry in committed_entries(root)}:
        raise SchemaProblem(
            label,
            f"its lock entry (id {line.id}) is committed",
            "events with this id may exist, and every release must read them",
            "keep the entry, and publish the correction as the next version",
        )
    if newer := [f"{entry.type} {entry.version}" for entry in lines if entry.id > line.id]:
        raise SchemaProblem(
            label,
            f"it is not the newest lock entry: {', '.join(newer)} is newer",
            "ids are 1, 2, 3 … without gaps",
            f"unlock the newest first: `waypost schemas unlock {newer[-1]}`",
        )
    write_lock(root, lines[:-1])
    sample = sample_path(root, event_type, version)
    for file in (sample, sample.with_suffix(".json")):
        file.unlink(missing_ok=True)
    return line
