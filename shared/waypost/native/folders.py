"""Folders of the native servers: the project's `.waypost`, and a folder that other accounts can
reach.
"""

import hashlib
import os
import stat
from pathlib import Path

from waypost.project import project

NAME = ".waypost"


def installation_folder(part: str) -> Path:
    """Where the jars of `part` lie: all stacks and test runs of one project share them."""
    return project().root / NAME / part


def reachable_directory(wanted: Path) -> Path:
    """`wanted`, or for root a twin of it outside a closed home: an unprivileged account has to be
    able to enter it.
    """
    if os.geteuid() != 0 or is_open_to_all(wanted.parent):
        return wanted
    twin = hashlib.sha256(str(wanted).encode()).hexdigest()[:12]
    return Path("/var/tmp") / f"waypost-{twin}"  # noqa: S108 - named by the checkout's path, owned and closed by the caller


def is_open_to_all(folder: Path) -> bool:
    """Whether any account may pass through every folder on the way; folders that do not exist yet
    count as open.
    """
    return all(
        not part.exists() or part.stat().st_mode & stat.S_IXOTH
        for part in (folder.absolute(), *folder.absolute().parents)
    )
