"""The lock entries in git: of HEAD, and of the commits that a merge in progress adds."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from waypost.schemas.lock import LOCK, LockedSchema, parse_lock
from waypost.schemas.problems import SchemaProblem

_NO_REPOSITORY = "not a git repository"
_NO_COMMIT = "does not have any commits yet"


def committed_entries(root: Path) -> Iterator[LockedSchema]:
    """Nothing outside a repository and before the first commit. Raises SchemaProblem if git fails
    for another reason, because the entries are then unknown.
    """
    first = _git(root, "log", "--max-count=1", "--format=%H")
    if first.returncode != 0:
        if _NO_COMMIT in first.stderr or (_NO_REPOSITORY in first.stderr and not _has_repository(root)):
            return
        raise _unknown(first.stderr)
    for commit in ("HEAD", *_merged_commits(root)):
        if _output(root, "ls-tree", "--name-only", commit, "--", f"./{LOCK}"):
            yield from parse_lock(_output(root, "show", f"{commit}:./{LOCK}"), where=f"{LOCK} at {commit}")


def _has_repository(root: Path) -> bool:
    """True for a repository that is damaged: git does not recognize it."""
    folder = root.resolve()
    return any((each / ".git").exists() for each in (folder, *folder.parents))


def _merged_commits(root: Path) -> list[str]:
    """The commits that the next commit has as parents in addition to HEAD."""
    file = root / _output(root, "rev-parse", "--git-path", "MERGE_HEAD").rstrip("\n")
    return file.read_text(encoding="utf-8").split() if file.exists() else []


def _output(root: Path, *arguments: str) -> str:
    answer = _git(root, *arguments)
    if answer.returncode != 0:
        raise _unknown(answer.stderr)
    return answer.stdout


def _git(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Its messages are in English, because two of them are compared."""
    command = ("git", "-C", str(root), *arguments)
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        return subprocess.run(  # noqa: S603 - fixed arguments
            command, capture_output=True, text=True, encoding="utf-8", errors="replace", check=False, env=environment
        )
    except OSError as error:
        raise SchemaProblem(
            LOCK,
            f"git cannot be run: {error.strerror}",
            "only an entry without a commit can be removed",
            "install git, or restore the lock and the sample by hand",
        ) from error


def _unknown(reported: str) -> SchemaProblem:
    return SchemaProblem(
        LOCK,
        f"git does not report whether it is committed: {reported.strip() or 'git failed without a message'}",
        "only an entry without a commit can be removed",
        "correct what git reports, then repeat the command",
    )
