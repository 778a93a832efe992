"""Where things lie on this machine: the checkout, its `.waypost` folder, and a place that other accounts can reach."""

import hashlib
import os
import stat
from pathlib import Path

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


def reachable_directory(wanted: Path) -> Path:
    """`wanted`, or for root a twin of it outside a closed home: an unprivileged account has to be able to enter it."""
    if os.geteuid() != 0 or is_open_to_all(wanted.parent):
        return wanted
    twin = hashlib.sha256(str(wanted).encode()).hexdigest()[:12]
    return Path("/var/tmp") / f"waypost-{twin}"  # noqa: S108 - named by the checkout's path, owned and closed by the caller


def is_open_to_all(folder: Path) -> bool:
    """Whether any account may pass through every folder on the way; folders that do not exist yet count as open."""
    return all(
        not part.exists() or part.stat().st_mode & stat.S_IXOTH
        for part in (folder.absolute(), *folder.absolute().parents)
    )
