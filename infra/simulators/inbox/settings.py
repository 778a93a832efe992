"""Settings of the inbox."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from infra.http_process import ServingSettings
from waypost.hosting.settings import Port


class InboxSettings(ServingSettings):
    port_offset: ClassVar[int] = 25

    data_directory: Path = Path(".waypost")
    smtp_port: Port | None = None
    smtp_largest_mail_bytes: int = Field(default=10 * 1024 * 1024, gt=0)

    @property
    def smtp_listen_port(self) -> int:
        return self.smtp_port or self.port_base + 26
