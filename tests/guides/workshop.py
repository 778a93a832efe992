"""A copy of the project in which a guide is followed: what git tracks, and links to what `make setup` has made."""

import os
import shutil
import subprocess
from pathlib import Path

from infra.stack.addresses import OFFSETS
from infra.stack.places import CHECKOUT, STATE
from infra.stack.ports import free_ports, is_free
from tests.guides.reading import Edit, Make, NotFollowable, Run, Step

STEP_SECONDS = 55
CACHES = (".mypy_cache", ".ruff_cache")


class Workshop:
    """One guide's, from its first step to its last."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._done: list[Step] = []
        self._port_base = free_port_base()
        self._copy_project()

    def follow(self, steps: list[Step]) -> None:
        """Takes those that have not been taken yet. Raises NotFollowable at the first that fails."""
        for step in steps[len(self._done) :]:
            self._take(step)
            self._done.append(step)

    def close(self) -> None:
        """Ends the stack, if the guide has started it."""
        self._run("make down")

    def _take(self, step: Step) -> None:
        match step:
            case Make(path, text):
                file = self.folder / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
            case Edit(path):
                file = self.folder / path
                if not file.exists():
                    raise NotFollowable(f"there is no {path} to edit")
                file.write_text(step.apply_to(file.read_text()))
            case Run(command):
                self._run(command)

    def _run(self, command: str) -> None:
        ran = subprocess.run(
            ["sh", "-ec", command],
            cwd=self.folder,
            env={**os.environ, "WAYPOST_PORT_BASE": str(self._port_base)},
            timeout=STEP_SECONDS,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if ran.returncode != 0:
            raise NotFollowable(f"`{command}` ended with {ran.returncode}\n{ran.stdout}")

    def _copy_project(self) -> None:
        tracked = subprocess.run(["git", "ls-files", "-z"], cwd=CHECKOUT, capture_output=True, text=True, check=True)
        for name in filter(None, tracked.stdout.split("\0")):
            target = self.folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, target)
        (self.folder / ".venv").symlink_to((CHECKOUT / ".venv").resolve())
        for installed in (*STATE.glob(".jars-*"), STATE / "kafka", STATE / "zipkin"):
            (self.folder / ".waypost").mkdir(exist_ok=True)
            (self.folder / ".waypost" / installed.name).symlink_to(installed)
        for cache in filter(lambda each: (CHECKOUT / each).exists(), CACHES):
            # What has been checked here need not be checked there: seconds instead of half a minute.
            shutil.copytree(CHECKOUT / cache, self.folder / cache)


def free_port_base() -> int:
    while True:
        (base,) = free_ports(1)
        if all(is_free(base + offset) for offset in range(max(OFFSETS.values()) + 1)):
            return base
