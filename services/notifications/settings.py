"""What a notifications process reads from its environment."""

from pathlib import Path

from pydantic import Field

from waypost.settings import Settings


class NotificationsSettings(Settings):
    smtp_host: str
    smtp_port: int = Field(ge=1, le=65535)
    smtp_timeout_seconds: float = Field(default=20.0, gt=0)
    """For each step of handing in one mail."""
    mail_sender: str = "no-reply@waypost.example"
    """Address that mails come from."""
    public_url: str = Field(pattern=r"^https?://")
    """What links in mails begin with."""
    unsubscribe_url: str = Field(pattern=r"^https?://")
    """Where this service's `POST /unsubscribe` is reached from outside. Mail clients take https
    alone (RFC 8058, section 3.1).
    """
    keys_directory: Path
    """Holds `sealing.private.json` (`services.notifications.adapters.sealed_box`)."""
