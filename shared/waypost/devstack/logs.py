"""Log files: one per process. The logs of earlier starts are retained, three for each process."""

import os
import sys
from pathlib import Path

from waypost.native.errors import SetUpFailed

KEPT = 3


def rotate(log: Path) -> None:
    """Renames `x.log` to `x.log.1`, and so on; the oldest is deleted. Runs before a start, when no
    process writes.
    """
    if not log.exists() or log.stat().st_size == 0:
        return
    for number in range(KEPT, 0, -1):
        older = Path(f"{log}.{number}")
        newer = Path(f"{log}.{number - 1}") if number > 1 else log
        if newer.exists():
            newer.replace(older)


def follow(directory: Path, name: str | None) -> None:
    """Replaces this process by `tail` on one log, or on all logs; follows them on a terminal.
    Raises SetUpFailed if there is no such log.
    """
    files = sorted(directory.glob(f"{name or '*'}.log"))
    if not files:
        known = (
            ", ".join(sorted(file.stem for file in directory.glob("*.log")))
            or "none yet; the stack writes logs when it starts"
        )
        raise SetUpFailed("Showing logs", f"there is no log of {name or 'anything'}", f"available logs: {known}")
    options = ["-F"] if sys.stdout.isatty() else []
    os.execvp("tail", ["tail", *options, "-n", "100", *map(str, files)])  # noqa: S606 - without a shell
