"""The account that PostgreSQL runs as. PostgreSQL refuses root, so root starts it as an
unprivileged account.
"""

import os
import pwd
from pathlib import Path

from waypost.native.errors import SetUpFailed

UNPRIVILEGED = ("postgres", "_postgres", "nobody")


def server_account() -> str | None:
    """The account for the server; None means the current account. For root, the first unprivileged
    account that exists. Raises SetUpFailed if none exists.
    """
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
    """Creates the folder, owned by the account and closed to others: PostgreSQL requires this for
    its data.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    give_file_to(account, folder)


def give_file_to(account: str | None, file: Path) -> None:
    """Changes the owner of the file, unless the account is None."""
    if account:
        entry = pwd.getpwnam(account)
        os.chown(file, entry.pw_uid, entry.pw_gid)
