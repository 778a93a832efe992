"""The environment of the peers: other products, separate from the project's packages."""

import hashlib
import shutil
import subprocess
from pathlib import Path

from infra.setup.packages import FOLDER as OWN
from infra.stack.places import CHECKOUT, STATE

REQUIREMENTS = CHECKOUT / "bench" / "peers" / "requirements.txt"
FOLDER = STATE / "peers"
PYTHON = FOLDER / "bin" / "python"


def install_peers() -> Path:
    """Returns the peers' Python. Instant if the requirements are installed."""
    return install_environment(REQUIREMENTS, FOLDER)


def install_environment(requirements: Path, folder: Path) -> Path:
    """Installs the requirements into a virtual environment; returns its Python. Instant if they are
    installed.
    """
    stamp = folder / f".installed-{hashlib.sha256(requirements.read_bytes()).hexdigest()[:16]}"
    python = folder / "bin" / "python"
    if not stamp.exists():
        print(f"Installing {requirements.relative_to(CHECKOUT)} …", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        uv = str(OWN / "bin" / "uv")
        subprocess.run([uv, "venv", "--quiet", "--python", str(OWN / "bin" / "python"), str(folder)], check=True)
        command = [uv, "--system-certs", "pip", "install", "--quiet", "--python", str(python), "-r", str(requirements)]
        subprocess.run(command, check=True)
        stamp.touch()
    return python
