"""Takes back a lock entry that nobody else can have seen: the newest one, before its commit."""

import subprocess
from pathlib import Path

from waypost.schemas.lock import LOCK, LockedSchema, parse_lock, read_lock, write_lock
from waypost.schemas.problems import SchemaProblem
from waypost.schemas.samples import sample_path


def unlock(root: Path, event_type: str, version: int) -> LockedSchema:
    """Removes the entry and its sample; the `.avsc` stays. Raises SchemaProblem where the id may be
    in use already.
    """
    lines = read_lock(root)
    line = next((each for each in lines if (each.type, each.version) == (event_type, version)), None)
    label = f"{event_type} version {version}"
    if line is None:
        raise SchemaProblem(label, "it is not locked", f"{LOCK} has no such entry", "nothing is to be taken back")
    if (event_type, version) in {(each.type, each.version) for each in _committed(root)}:
        raise SchemaProblem(
            label,
            f"its lock entry (id {line.id}) is committed",
            "others may have published events with this id, and every release has to read them",
            "keep it, and publish the correction as the next version",
        )
    if newer := [f"{each.type} {each.version}" for each in lines if each.id > line.id]:
        raise SchemaProblem(
            label,
            f"it is not the newest lock entry: {', '.join(newer)} followed",
            "ids are 1, 2, 3 … without gaps",
            f"unlock the newest first: `waypost schemas unlock {newer[-1]}`",
        )
    write_lock(root, lines[:-1])
    sample = sample_path(root, event_type, version)
    for file in (sample, sample.with_suffix(".json")):
        file.unlink(missing_ok=True)
    return line


def _committed(root: Path) -> tuple[LockedSchema, ...]:
    """The entries in the lock of git's HEAD; none outside a repository and before its first commit."""
    if _git(root, "rev-parse", "--verify", "--quiet", "HEAD") is None:
        return ()
    text = _git(root, "show", f"HEAD:./{LOCK}")
    return parse_lock(text) if text is not None else ()


def _git(root: Path, *arguments: str) -> str | None:
    """Standard output; None where git answers no."""
    command = ("git", "-C", str(root), *arguments)
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed words alone
    except OSError as error:
        raise SchemaProblem(
            LOCK,
            f"git cannot be asked: {error.strerror}",
            "an entry is taken back only where no commit has it",
            "install git, or restore the lock and the sample by hand",
        ) from error
    return answer.stdout if answer.returncode == 0 else None
