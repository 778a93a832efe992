"""An older release of this repository: the files of one of its commits, with the packages that this
checkout has installed.
"""

import io
import subprocess
import sys
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from infra.stack.environment import MANAGEMENT_ADDRESS
from infra.stack.places import CHECKOUT, TOOLKIT
from tests.faults.storm.targets import PROCESSES
from tests.faults.storm.watched import WatchedServer
from waypost.devstack.parts import Component, OneShot, PythonOneShot, PythonServer, Server
from waypost.native.child import Child, importing
from waypost.native.errors import SetUpFailed

MIGRATIONS = "-migrations"
"""The end of the names of the components that migrate a service's database."""


CHECKOUT_NAME = "the checkout"


@dataclass(frozen=True, slots=True)
class Release:
    commit: str
    root: Path

    def child(self, *module: str, environment: dict[str, str], log: Path) -> Child:
        """A Python process of the release. It imports the release's files only."""
        variables = {**importing(self.root, self.root / TOOLKIT.relative_to(CHECKOUT)), **environment}
        return Child([sys.executable, "-m", *module], environment=variables, log=log, directory=self.root)

    @property
    def missing_migrations(self) -> list[str]:
        """The files of the checkout's migrations that the release does not have."""
        return sorted(_migrations_in(CHECKOUT) - _migrations_in(self.root))

    @property
    def has_join_policies(self) -> bool:
        return (self.root / "services/users/api/join_policy.py").exists()

    def install(self, components: Iterable[Component]) -> list[Component]:
        """The components, with the services' processes and migrations of this release. Servers,
        simulators, topics and roles remain those of the checkout.
        """
        return [replace(component, part=self._part(component)) for component in components]

    def _part(self, component: Component) -> Server | OneShot:
        part = component.part
        if isinstance(part, PythonServer) and component.name in PROCESSES:
            return ReplaceableServer(self, part)
        if isinstance(part, PythonOneShot) and component.name.endswith(MIGRATIONS):
            return OlderOneShot(self, part)
        return part


class ReplaceableServer(WatchedServer):
    """A process of the older release until `upgrade`, then one of the checkout."""

    def __init__(self, release: Release, successor: PythonServer) -> None:
        self._release: Release | None = release
        super().__init__(
            *successor.module,
            environment=successor.environment,
            log=successor._log,
            health=successor._health,
            release=release.commit,
        )

    def upgrade(self) -> None:
        """Takes effect at the next start."""
        self._release, self.release_name = None, CHECKOUT_NAME

    def _new_child(self) -> Child:
        if self._release is None:
            return super()._new_child()
        return self._release.child(*self.module, environment=self.environment, log=self._log)

    def beside(self, port: int) -> WatchedServer:
        """A process of the checkout that shares everything with this one but its ports."""
        health = self._health.replace(f":{self.environment['WAYPOST_SERVICE_PORT']}/", f":{port}/")
        own = {**self.environment, "WAYPOST_SERVICE_PORT": str(port)}
        if MANAGEMENT_ADDRESS in own:
            own[MANAGEMENT_ADDRESS] = "public"
        log = self._log.with_stem(f"{self._log.stem}-beside")
        return WatchedServer(*self.module, environment=own, log=log, health=health, release=CHECKOUT_NAME)


class OlderOneShot(PythonOneShot):
    def __init__(self, release: Release, successor: PythonOneShot) -> None:
        self._release = release
        super().__init__(*successor.module, environment=successor.environment, log=successor._log)

    def _new_child(self) -> Child:
        return self._release.child(*self.module, environment=self.environment, log=self._log)


def extract(commit: str, folder: Path) -> Release:
    """Writes the commit's files into the folder. Unlike a work tree of git, they leave no entry in
    the repository when the folder is removed. Raises SetUpFailed for an unknown commit.
    """
    step = "Reading the older release"
    found = _git("rev-parse", "--verify", "--end-of-options", f"{commit}^{{commit}}")
    if found.returncode:
        remedy = "name a commit of this repository: make upgrade FROM=HEAD~10"
        raise SetUpFailed(step, f"{commit} is not a commit: {found.stderr.decode().strip()}", remedy)
    archive = _git("archive", "--format=tar", found.stdout.decode().strip())
    if archive.returncode:
        raise SetUpFailed(step, archive.stderr.decode().strip(), "run this command in a clone of the repository")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
    return Release(found.stdout.decode().strip()[:12], folder)


def _migrations_in(root: Path) -> frozenset[str]:
    """Paths below the root."""
    lines = ("shared/waypost/postgres/migrations", "services/*/migrations")
    return frozenset(str(file.relative_to(root)) for line in lines for file in root.glob(f"{line}/versions/*.py"))


def _git(*words: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(["git", *words], cwd=CHECKOUT, capture_output=True, check=False)
