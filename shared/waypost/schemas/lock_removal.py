"""Removes a lock entry that is not in use yet: the newest one, before its commit."""

import subprocess
from pathlib import Path

from waypost.schemas.lock import LOCK, LockedSchema, parse_lock, read_lock, write_lock
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
    if (event_type, version) in {(entry.type, entry.version) for entry in _committed(root)}:
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


def _committed(root: Path) -> tuple[LockedSchema, ...]:
    """The entries in the lock at git's HEAD. Empty outside a repository and before the first
    commit.
    """
    if _git(root, "rev-parse", "--verify", "--quiet", "HEAD") is None:
        return ()
    text = _git(root, "show", f"HEAD:./{LOCK}")
    return parse_lock(text) if text is not None else ()


def _git(root: Path, *arguments: str) -> str | None:
    """Standard output of git. None if git fails."""
    command = ("git", "-C", str(root), *arguments)
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed arguments
    except OSError as error:
        raise SchemaProblem(
            LOCK,
            f"git cannot be run: {error.strerror}",
            "only an entry without a commit can be removed",
            "install git, or restore the lock and the sample by hand",
        ) from error
    return answer.stdout if answer.returncode == 0 else None
