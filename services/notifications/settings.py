"""Settings of a notifications process, from its environment."""

from pathlib import Path

from pydantic import Field, SecretStr, field_validator

from services.notifications.domain.webhook_address import networks
from services.notifications.ports import SmtpTls
from waypost.kernel.errors import Misconfigured
from waypost.project import variable
from waypost.settings import Settings


class ReportSettings(Settings):
    """The reports of the mail provider about mails that bounced or were unwanted."""

    bounce_domain: str | None = Field(default=None, pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,180}[A-Za-z0-9])?$")
    """A domain whose mails the mail provider receives and reports, for example
    `bounces.example.com`. Each mail gets a return path of its own there. Without it mails return to
    `mail_sender`, and nothing reads what comes back.
    """
    mail_reports_secret: SecretStr | None = None
    """Verifies the provider's reports (`POST /mail-reports`): `whsec_` and 24 to 64 bytes in
    base64. Required with `bounce_domain`.
    """
    mail_reports_previous_secret: SecretStr | None = None
    """Accepted too, while the provider's secret is replaced."""
    return_path_secret: SecretStr | None = Field(default=None, min_length=32)
    """Makes return paths that no other party can make, also not the mail provider: at least 32
    random characters. Required with `bounce_domain`. Give it to no other party.
    """
    return_path_previous_secret: SecretStr | None = Field(default=None, min_length=32)
    """Return paths of this secret are read too. Keep it for 14 days after a replacement, because
    mails of this time may still be reported.
    """

    @property
    def report_secrets(self) -> tuple[str, ...]:
        """The secrets with which a report may be signed, the current one first; empty if this
        installation receives no reports. Raises Misconfigured.
        """
        self._require_complete()
        return _texts(self.mail_reports_secret, self.mail_reports_previous_secret)

    @property
    def return_path_secrets(self) -> tuple[str, ...]:
        """The secrets of return paths, the current one first; empty if mails return to their
        sender. Raises Misconfigured.
        """
        self._require_complete()
        return _texts(self.return_path_secret, self.return_path_previous_secret)

    def _require_complete(self) -> None:
        required = (self.bounce_domain, self.mail_reports_secret, self.return_path_secret)
        previous = (self.mail_reports_previous_secret, self.return_path_previous_secret)
        if any(value is None for value in required) and any(value is not None for value in (*required, *previous)):
            raise Misconfigured(
                f"set all of {variable('BOUNCE_DOMAIN')}, {variable('MAIL_REPORTS_SECRET')} and"
                f" {variable('RETURN_PATH_SECRET')}, or none of them and no previous secret"
            )
        reports = _texts(self.mail_reports_secret, self.mail_reports_previous_secret)
        if set(reports) & set(_texts(self.return_path_secret, self.return_path_previous_secret)):
            raise Misconfigured(
                f"{variable('RETURN_PATH_SECRET')} is also a secret of the mail provider's reports: the provider could make"
                " return paths of mails that it never received. Set it to another one"
            )


def _texts(*secrets: SecretStr | None) -> tuple[str, ...]:
    return tuple(secret.get_secret_value() for secret in secrets if secret is not None)


class NotificationsSettings(ReportSettings):
    smtp_host: str
    """Host of the mail server."""
    smtp_port: int = Field(ge=1, le=65535)
    """Port of the mail server."""
    smtp_tls: SmtpTls = SmtpTls.AUTO
    """`starttls`: the mail server must offer STARTTLS (RFC 3207). `implicit`: TLS from the first
    byte on (RFC 8314). `auto` is `starttls`, and on a loopback address TLS only if the server
    offers it. `none`: mails, with their one-time links, are sent without encryption.
    """
    smtp_ca_file: Path | None = None
    """PEM file of the authorities that sign the mail server's certificate. Without it, those of the
    operating system are trusted.
    """
    smtp_user: str | None = None
    """User of the mail server. Without it, mails are sent without a sign-in."""
    smtp_password: SecretStr | None = None
    """Password of that user."""
    smtp_timeout_seconds: float = Field(default=20.0, gt=0, le=23)
    """Time limit for each step of an SMTP delivery. All steps together may take 1.5 times as
    long.
    """
    mail_sender: str = "no-reply@waypost.example"
    """Sender address of the mails."""
    public_url: str = Field(pattern=r"^https?://")
    """The prefix of links in mails."""
    unsubscribe_url: str = Field(pattern=r"^https?://")
    """Public URL of this service's `POST /unsubscribe`. Mail clients accept https only (RFC 8058,
    section 3.1).
    """
    invoice_url: str | None = Field(default=None, pattern=r"^https?://")
    """The prefix of links to invoices in mails: your page of an invoice, without its id at the end.
    Without it, mails have no such link.
    """
    product_name: str = Field(default="Waypost", min_length=1, max_length=100)
    """The name that signs mails to addresses that are not verified yet. They contain no text of
    users, also no tenant's name.
    """
    keys_directory: Path
    """Contains `sealing.private.json` (`services.notifications.adapters.sealed_box`)."""


class WebhookSettings(Settings):
    """Settings of outgoing webhooks, for the API and the job process."""

    webhooks_to_private_networks: bool = False
    """Permits webhooks to http URLs, to every port and to private addresses, for development.
    Never set it in production: tenants could reach internal services.
    """
    webhooks_refused_networks: str = ""
    """Networks to which no webhook is sent, in addition to all private and reserved ones: such as
    your own public addresses and the NAT64 prefix of your network. In CIDR notation, separated by
    commas.
    """
    keys_directory: Path
    """Contains `sealing.private.json` (`services.notifications.adapters.sealed_box`)."""

    @field_validator("webhooks_refused_networks")
    @classmethod
    def _are_networks(cls, text: str) -> str:
        networks(text)
        return text
