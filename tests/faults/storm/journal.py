"""A log whose lines are on disk before the next action, so that a killed run can still be
checked.
"""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any


class Journal:
    def __init__(self, file: Path) -> None:
        self._file: IO[str] = file.open("a")

    def write(self, **entry: Any) -> None:
        """Returns once the line is on disk."""
        self._file.write(json.dumps({"at": datetime.now(UTC).isoformat(), **entry}, default=str) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


def entries(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]
