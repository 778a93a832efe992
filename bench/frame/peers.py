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
    stamp = FOLDER / f".installed-{hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:16]}"
    if not stamp.exists():
        print("Installing the peers of bench/peers/requirements.txt …", flush=True)
        shutil.rmtree(FOLDER, ignore_errors=True)
        uv = str(OWN / "bin" / "uv")
        subprocess.run([uv, "venv", "--quiet", "--python", str(OWN / "bin" / "python"), str(FOLDER)], check=True)
        command = [uv, "--system-certs", "pip", "install", "--quiet", "--python", str(PYTHON), "-r", str(REQUIREMENTS)]
        subprocess.run(command, check=True)
        stamp.touch()
    return PYTHON
