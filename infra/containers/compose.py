"""Runs Docker Compose for the stack at one port base."""

import asyncio
import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from infra.stack.addresses import Addresses, Command
from infra.stack.places import CHECKOUT
from waypost.kernel.errors import Misconfigured
from waypost.native.errors import SetUpFailed, StartFailed

FILE = CHECKOUT / "docker-compose.yml"
HUNDREDS = "WAYPOST_PORT_HUNDREDS"
UP_SECONDS = 300


class PublishedAddresses(Addresses):
    """Addresses as seen from this machine: the ports that the containers publish."""

    @property
    def variables(self) -> Mapping[str, str]:
        """Variables that the compose file reads. Raises Misconfigured for a port base that is not a
        multiple of 100: Compose can concatenate digits, but not add.
        """
        hundreds, rest = divmod(self.port_base, 100)
        if rest:
            raise Misconfigured(f"WAYPOST_PORT_BASE is {self.port_base}; for containers set a multiple of 100")
        return {HUNDREDS: str(hundreds)}

    @property
    def log_directory(self) -> None:
        """Docker has the logs."""

    @property
    def owner_dsns(self) -> Mapping[str, str]:
        """Empty: the DSNs are in a volume of the containers."""
        return {}

    def compose(self, *arguments: str) -> Command:
        return Command(("docker", "compose", "--file", str(FILE), *arguments), {**os.environ, **self.variables})

    def waypost(self, *arguments: str) -> Command:
        return self.compose("run", "--rm", "--no-TTY", "waypost", *arguments)


class Compose:
    """The stack in containers: start, stop and status."""

    def __init__(self, addresses: PublishedAddresses) -> None:
        self.addresses = addresses

    def runs(self) -> bool:
        """True if any container of the stack runs. Raises SetUpFailed without Docker."""
        return bool(ask(self.addresses.compose("ps", "--quiet")).strip())

    def all_up(self) -> bool:
        containers = [
            json.loads(line) for line in ask(self.addresses.compose("ps", "--all", "--format", "json")).splitlines()
        ]
        return bool(containers) and all(map(is_up, containers))

    async def start(self, only: Sequence[str] = ()) -> None:
        """Builds the image and returns once all services are healthy, or those of `only` and their
        dependencies. Raises StartFailed.
        """
        up = self.addresses.compose("up", "--build", "--wait", "--wait-timeout", str(UP_SECONDS), *only)
        if await call(up) != 0:
            raise StartFailed(f"{ask(self.addresses.compose('ps', '--all'))}\n`make logs TARGET=compose` shows why")

    async def watch_until_up(self) -> None:
        """Also starts services that had stopped."""
        await self.start()

    async def stop(self) -> bool:
        """False if nothing ran. Volumes, and therefore data and secrets, stay."""
        ran = self.runs()
        await call(self.addresses.compose("down"))
        return ran


def is_up(container: Mapping[str, Any]) -> bool:
    """True if `docker compose ps` reports the container as healthy, or as a one-shot that exited
    with 0.
    """
    if container["State"] == "exited":
        return bool(container["ExitCode"] == 0)
    return container["State"] == "running" and container["Health"] in ("", "healthy")


async def call(command: Command) -> int:
    """Returns the exit code; the output goes to this process's own streams."""
    process = await asyncio.create_subprocess_exec(*command.words, env=command.environment)
    return await process.wait()


def ask(command: Command) -> str:
    """Returns the output. Raises SetUpFailed when the command fails or is not installed."""
    remedy = (
        "install Docker 26 or newer with its compose plugin and start it, or use the native stack: leave TARGET out"
    )
    try:
        asked = subprocess.run(command.words, env=command.environment, capture_output=True, text=True, check=False)
    except OSError as error:
        raise SetUpFailed("Docker Compose", str(error), remedy) from error
    if asked.returncode != 0:
        raise SetUpFailed("Docker Compose", asked.stderr.strip(), remedy)
    return asked.stdout
