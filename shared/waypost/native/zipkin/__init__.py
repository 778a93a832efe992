"""Zipkin, the trace viewer, as a local process, for stacks."""

import os
from pathlib import Path

from waypost.native.child import Child
from waypost.native.folders import installation_folder
from waypost.native.java import SMALL, find_java
from waypost.native.locks import exclusive
from waypost.native.maven import copy_jars
from waypost.native.ports import LOOPBACK
from waypost.native.probes import is_url_reachable, until_ready

START_SECONDS = 180
"""Long, because no component waits for Zipkin, and a restart would only take longer."""
SPANS_KEPT = 100_000  # at most about 60 MB of heap; the oldest are dropped first


class Zipkin:
    """A Zipkin server process. Spans are kept in memory: a restart loses them."""

    def __init__(self, *, port: int, log: Path) -> None:
        self._port = port
        self._log = log
        self._child: Child | None = None

    @property
    def child(self) -> Child:
        if self._child is None:
            raise ProcessLookupError("Zipkin has not been started")
        return self._child

    async def start(self) -> None:
        """Starts the server and returns once its API answers. Raises SetUpFailed or StartFailed."""
        jar = await install()
        settings = {"STORAGE_TYPE": "mem", "MEM_MAX_SPANS": str(SPANS_KEPT), **self._listener()}
        command = [str(find_java().program), "-Xms16m", "-Xmx96m", *SMALL, "-jar", str(jar)]
        self._child = Child(command, log=self._log, environment={**os.environ, **settings})
        await self._child.start()
        await until_ready("Zipkin", self._child, self.is_reachable, START_SECONDS)

    def _listener(self) -> dict[str, str]:
        """Settings of Zipkin's web server, which limit it to the loopback address; QUERY_PORT would
        listen on every interface.
        """
        one = "ARMERIA_PORTS_0"
        return {f"{one}_ADDRESS": LOOPBACK, f"{one}_PORT": str(self._port), f"{one}_PROTOCOLS_0": "http"}

    async def is_reachable(self) -> bool:
        return await is_url_reachable(f"http://{LOOPBACK}:{self._port}/health")

    async def stop(self, deadline_seconds: float = 5) -> None:
        if self._child:
            await self._child.stop(deadline_seconds)


async def install() -> Path:
    """Returns the jar; downloads it if it is missing. Raises SetUpFailed."""
    home = installation_folder("zipkin")
    async with exclusive(home / "install.lock"):
        jars = await copy_jars(Path(__file__).parent / "pom.xml", home / "lib")
    return next(jars.glob("zipkin-server-*-slim.jar"))
