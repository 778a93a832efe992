"""How every HTTP process of `infra` listens: settings from the environment, then uvicorn until a signal."""

from typing import ClassVar

import uvicorn
from fastapi import FastAPI
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServingSettings(BaseSettings):
    """Where a process listens: `WAYPOST_SERVICE_PORT`, else its offset from `WAYPOST_PORT_BASE`."""

    model_config = SettingsConfigDict(env_prefix="WAYPOST_", env_ignore_empty=True)
    port_offset: ClassVar[int]

    port_base: int = Field(default=8000, ge=1, le=65000)
    service_port: int | None = Field(default=None, ge=1, le=65535)
    service_host: str = "127.0.0.1"

    @property
    def port(self) -> int:
        return self.service_port or self.port_base + self.port_offset


def serve(app: FastAPI, settings: ServingSettings) -> None:
    """Blocks until SIGINT or SIGTERM; requests still open are cut after two seconds, because a test card may hang for ever."""
    uvicorn.run(
        app,
        host=settings.service_host,
        port=settings.port,
        log_level="warning",
        timeout_graceful_shutdown=2,
    )
