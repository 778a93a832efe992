"""Settings of the inbox."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field, SecretStr

from infra.http_process import ServingSettings
from infra.simulators.inbox.sign_in import smtp_encryption, smtp_sign_in
from waypost.hosting.settings import Port


class InboxSettings(ServingSettings):
    port_offset: ClassVar[int] = 25

    data_directory: Path = Path(".waypost")
    smtp_port: Port | None = None
    smtp_certificate_file: Path | None = None
    """With it and the key, clients must use STARTTLS."""
    smtp_key_file: Path | None = None
    smtp_user: str | None = None
    """With it and the password, clients must sign in."""
    smtp_password: SecretStr | None = None
    smtp_largest_mail_bytes: int = Field(default=10 * 1024 * 1024, gt=0)

    @property
    def smtp_options(self) -> Mapping[str, Any]:
        """Arguments of aiosmtpd's SMTP."""
        return {
            **smtp_encryption(self.smtp_certificate_file, self.smtp_key_file),
            **smtp_sign_in(self.smtp_user, self.smtp_password.get_secret_value() if self.smtp_password else None),
        }

    @property
    def smtp_listen_port(self) -> int:
        return self.smtp_port or self.port_base + 26
