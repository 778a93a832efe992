"""The virtual environment, with exactly the locked packages: every file is checked against its
hash.
"""

import hashlib
import shutil
import sys
from pathlib import Path

from infra.setup.commands import run, succeeds
from infra.setup.system import install
from infra.stack.places import CHECKOUT, TOOLKIT
from waypost.native.errors import SetUpFailed

STEP = "Python packages"
FOLDER = CHECKOUT / ".venv"
PYTHON = FOLDER / "bin" / "python"
INSTALLER = CHECKOUT / "infra" / "setup" / "requirements.txt"
LOCK = CHECKOUT / "requirements-dev.txt"
NETWORK = "check the network and pip's configuration (`pip config list`), then try again"


def are_installed() -> bool:
    return _stamp().exists() and PYTHON.exists()


def install_packages() -> None:
    if not succeeds(PYTHON, "-m", "pip", "--version"):  # none yet, or its Python was removed
        _make_environment()
    try:
        _install_quickly()
    except SetUpFailed:  # for example, a mirror that is configured only for pip
        run(STEP, [PYTHON, "-m", "pip", "install", "-q", "--require-hashes", "-r", LOCK], NETWORK)
    make_toolkit_importable()
    for outdated in FOLDER.glob(".installed-*"):
        outdated.unlink()
    _stamp().touch()


def _install_quickly() -> None:
    """uv installs in seconds; pip needs a minute."""
    run(STEP, [PYTHON, "-m", "pip", "install", "-q", "--require-hashes", "-r", INSTALLER], NETWORK)
    uv: list[str | Path] = [FOLDER / "bin" / "uv", "--system-certs", "pip", "install", "--python", PYTHON]
    run(STEP, [*uv, "--require-hashes", "-r", LOCK], NETWORK)


def _make_environment() -> None:
    if FOLDER.is_symlink():
        raise SetUpFailed(
            STEP, f"{FOLDER} is a link to an environment without pip", "repair that one, or remove the link"
        )
    shutil.rmtree(FOLDER, ignore_errors=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    remedy = f"install {version}-venv: `sudo apt-get install --no-install-recommends {version}-venv`"
    try:
        run(STEP, [sys.executable, "-m", "venv", FOLDER], remedy)
    except SetUpFailed:  # Debian has venv in a separate package
        install(STEP, [[f"{version}-venv"]], by_hand=remedy)
        run(STEP, [sys.executable, "-m", "venv", "--clear", FOLDER], remedy)


def make_toolkit_importable() -> None:
    """`import waypost` reads this checkout's `shared/`. PYTHONPATH comes first, so a copy of the
    checkout, whose `.venv` is a link, reads its own.
    """
    if FOLDER.is_symlink():
        return
    (site,) = FOLDER.glob("lib/python*/site-packages")
    (site / "waypost-checkout.pth").write_text(f"{TOOLKIT}\n")


def _stamp() -> Path:
    """Lies in the environment, so that both are removed together. Named by the hash of the lock
    files, so that a change is noticed.
    """
    wanted = hashlib.sha256(INSTALLER.read_bytes() + LOCK.read_bytes()).hexdigest()[:16]
    return FOLDER / f".installed-{wanted}"
