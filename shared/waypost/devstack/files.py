"""Files of a running stack, in its folder."""

from pathlib import Path


def lock_file(directory: Path) -> Path:
    """Held by the supervisor for its whole life; names that process."""
    return directory / "stack.lock"


def board_file(directory: Path) -> Path:
    """What each component does, while a supervisor runs."""
    return directory / "board.json"


def requests_folder(directory: Path) -> Path:
    """Where the supervisor is asked for changes."""
    return directory / "requests"
