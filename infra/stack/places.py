"""Where things lie on this machine: the checkout and its `.waypost` folder."""

from pathlib import Path

from waypost.native.child import importing

CHECKOUT = Path(__file__).resolve().parents[2]
TOOLKIT = CHECKOUT / "shared"
"""What is imported as `waypost`."""
STATE = CHECKOUT / ".waypost"


def stack_directory(port_base: int) -> Path:
    """Data, logs and keys of the stack at one port base."""
    return STATE / str(port_base)


def lock_file(directory: Path) -> Path:
    """Of a stack: held by its supervisor for its whole life; names that process."""
    return directory / "stack.lock"


def board_file(directory: Path) -> Path:
    """Of a stack: what each component does, while a supervisor runs."""
    return directory / "board.json"


def requests_folder(directory: Path) -> Path:
    """Of a stack: where its supervisor is asked for changes."""
    return directory / "requests"


def inherited() -> dict[str, str]:
    """This process's environment, with the checkout importable from any folder."""
    return importing(CHECKOUT, TOOLKIT)
