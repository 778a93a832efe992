"""Files of a running stack, in its folder."""

from pathlib import Path


def lock_file(directory: Path) -> Path:
    """The lock file, which the supervisor holds as long as it runs; contains its process id."""
    return directory / "stack.lock"


def board_file(directory: Path) -> Path:
    """The status board; exists while a supervisor runs."""
    return directory / "board.json"


def requests_folder(directory: Path) -> Path:
    """The folder of requests to the supervisor."""
    return directory / "requests"
