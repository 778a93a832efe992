"""Runs every HTTP process of `infra`: settings from the environment, then one server until a
signal.
"""

import asyncio
import sys
from collections.abc import Callable
from typing import ClassVar, TypeVar

import uvloop
from fastapi import FastAPI
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from waypost.engine.process import Process
from waypost.hosting.settings import Port, Settings, load
from waypost.kernel.errors import Misconfigured, PartEnded
from waypost.web.server import HttpServer

DRAIN_SECONDS = 2.0  # short, because a test card may hang without limit


class ServingSettings(Settings):
    """Where a process listens: `WAYPOST_SERVICE_PORT`, else its offset from `WAYPOST_PORT_BASE`."""

    # A compose file passes unset variables as empty.
    model_config = SettingsConfigDict(env_ignore_empty=True)
    port_offset: ClassVar[int]

    port_base: int = Field(default=8000, ge=1, le=65000)
    service_port: Port | None = None
    host: str = "127.0.0.1"

    @property
    def port(self) -> int:
        return self.service_port or self.port_base + self.port_offset


Chosen = TypeVar("Chosen", bound=ServingSettings)


def serve(kind: type[Chosen], create_app: Callable[[Chosen], FastAPI]) -> None:
    """Blocks until SIGINT or SIGTERM. Exits with the setting to change when it cannot start, and
    with the reason when its server fails.
    """
    try:
        settings = load(kind)
        server = HttpServer(create_app(settings), host=settings.host, port=settings.port)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(Process([server], drain_seconds=DRAIN_SECONDS).run())
    except (Misconfigured, PartEnded) as error:
        sys.exit(str(error))
