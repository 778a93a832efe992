"""Docker Compose, asked for the stack at one port base."""

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
    """What this machine reaches: the ports that the containers publish."""

    @property
    def variables(self) -> Mapping[str, str]:
        """What the compose file asks for. Raises Misconfigured: compose puts ports together from
        digits, it cannot add.
        """
        hundreds, rest = divmod(self.port_base, 100)
        if rest:
            raise Misconfigured(f"WAYPOST_PORT_BASE is {self.port_base}; for containers set a multiple of 100")
        return {HUNDREDS: str(hundreds)}

    def compose(self, *arguments: str) -> Command:
        return Command(("docker", "compose", "--file", str(FILE), *arguments), {**os.environ, **self.variables})

    def waypost(self, *arguments: str) -> Command:
        return self.compose("run", "--rm", "--no-TTY", "waypost", *arguments)


class Compose:
    """The stack in containers, for those who only start it, stop it and use it."""

    def __init__(self, addresses: PublishedAddresses) -> None:
        self.addresses = addresses

    def runs(self) -> bool:
        """Whether any container of the stack does. Raises SetUpFailed without Docker."""
        return bool(ask(self.addresses.compose("ps", "--quiet")).strip())

    def all_up(self) -> bool:
        containers = [
            json.loads(line) for line in ask(self.addresses.compose("ps", "--all", "--format", "json")).splitlines()
        ]
        return bool(containers) and all(map(is_up, containers))

    async def start(self, only: Sequence[str] = ()) -> None:
        """Builds the image and returns once all are healthy, or those of `only` and what they
        depend on. Raises StartFailed.
        """
        up = self.addresses.compose("up", "--build", "--wait", "--wait-timeout", str(UP_SECONDS), *only)
        if await call(up) != 0:
            raise StartFailed(f"{ask(self.addresses.compose('ps', '--all'))}\n`make logs TARGET=compose` shows why")

    async def watch_until_up(self) -> None:
        """Also starts what had stopped."""
        await self.start()

    async def stop(self) -> bool:
        """False when nothing ran. Volumes, and so data and secrets, stay."""
        ran = self.runs()
        await call(self.addresses.compose("down"))
        return ran


def is_up(container: Mapping[str, Any]) -> bool:
    """As `docker compose ps` tells of it: healthy, or a one-shot that has run."""
    if container["State"] == "exited":
        return bool(container["ExitCode"] == 0)
    return container["State"] == "running" and container["Health"] in ("", "healthy")


async def call(command: Command) -> int:
    """Its exit code; what it prints goes where our own words go."""
    process = await asyncio.create_subprocess_exec(*command.words, env=command.environment)
    return await process.wait()


def ask(command: Command) -> str:
    """What it prints. Raises SetUpFailed when it fails or is not there."""
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
