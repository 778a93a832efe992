"""Which account PostgreSQL runs as: it refuses root, so root lends it an unprivileged one."""

import os
import pwd
from pathlib import Path

from waypost.native.errors import SetUpFailed

UNPRIVILEGED = ("postgres", "_postgres", "nobody")


def server_account() -> str | None:
    """None: the account we are. For root the first unprivileged one that this machine knows."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    for name in UNPRIVILEGED:
        if name in known:
            return name
    raise SetUpFailed(
        "PostgreSQL's account", f"none of {', '.join(UNPRIVILEGED)} exists", "run as an ordinary user instead of root"
    )


def give_to(account: str | None, folder: Path) -> None:
    """Makes the folder the account's own and closed to all others, as PostgreSQL demands of its
    data.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    give_file_to(account, folder)


def give_file_to(account: str | None, file: Path) -> None:
    if account:
        entry = pwd.getpwnam(account)
        os.chown(file, entry.pw_uid, entry.pw_gid)
