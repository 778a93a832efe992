"""Runs set-up tools, with their output in one log file."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from infra.stack.places import STATE
from waypost.native.errors import SetUpFailed, last_lines

LOG = STATE / "setup.log"


def run(step: str, command: Sequence[str | Path], remedy: str, *, environment: Mapping[str, str] | None = None) -> None:
    """Raises SetUpFailed with the end of the output when the command cannot run or exits with
    another code than 0.
    """
    LOG.parent.mkdir(parents=True, exist_ok=True)
    with LOG.open("ab") as log:
        log.write(f"\n$ {' '.join(map(str, command))}\n".encode())
        log.flush()
        try:
            code = subprocess.call(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        except OSError as error:
            raise SetUpFailed(step, str(error), remedy, LOG) from error
    if code != 0:
        name = Path(command[0]).name
        raise SetUpFailed(step, f"{name} ended with code {code}\n{last_lines(LOG, 8)}", remedy, LOG)


def succeeds(*command: str | Path) -> bool:
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0
    except OSError:
        return False
