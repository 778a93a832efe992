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
    """The folder of the jars of `part`. All stacks and test runs of one project share it."""
    return project().root / NAME / part


def reachable_directory(wanted: Path) -> Path:
    """Returns `wanted`. For root, if other accounts cannot enter it, returns a replacement below
    `/var/tmp`: PostgreSQL runs as an unprivileged account.
    """
    if os.geteuid() != 0 or is_open_to_all(wanted.parent):
        return wanted
    digest = hashlib.sha256(str(wanted).encode()).hexdigest()[:12]
    return Path("/var/tmp") / f"waypost-{digest}"  # noqa: S108 - named by the checkout's path, owned and closed by the caller


def is_open_to_all(folder: Path) -> bool:
    """True if every account may traverse the folder and its parents. Ignores folders that do not
    exist yet.
    """
    return all(
        not part.exists() or part.stat().st_mode & stat.S_IXOTH
        for part in (folder.absolute(), *folder.absolute().parents)
    )
