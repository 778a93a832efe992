"""The service's ports: e-mail templates, a mailer, the opener and the sealer of secrets, and the
sender of webhooks.
"""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from services.notifications.domain import NotificationKind
from services.notifications.domain.bounce import BounceKind
from services.notifications.domain.return_path import ReturnPaths
from waypost.kernel.errors import Permanent
from waypost.kernel.ids import TenantId


class SmtpTls(StrEnum):
    """Encryption of the connection to the mail server; `services.notifications.settings` explains
    the values.
    """

    AUTO = "auto"
    STARTTLS = "starttls"
    IMPLICIT = "implicit"
    NONE = "none"


class MailRefused(Permanent):
    """The mail server will never accept this mail."""

    def __init__(self, reason: str, code: int, *, is_bad_address: bool = False, is_soft: bool = False) -> None:
        """`is_bad_address`: the recipient's address is at fault, not this sender or this mail.
        `is_soft`: the mailbox is full or disabled, or its host was not reached.
        """
        self.reason, self.code, self.is_bad_address, self.is_soft = reason, code, is_bad_address, is_soft
        super().__init__(f"the mail server refused the mail permanently: {code}, {reason}", code=code)


class Link(str):
    """A URL that this service made from its settings. Templates insert it as it is; all other text
    is inserted without links.
    """

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailContent:
    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    message_id: str
    address: str = field(repr=False)
    name: str = field(repr=False)
    email: EmailContent
    unsubscribe_url: str | None = field(default=None, repr=False)
    """One POST to this URL ends mails of this kind (RFC 8058)."""
    return_path: str | None = field(default=None, repr=False)
    """The address to which the mail returns if it cannot be delivered; None: to its sender."""


class EmailTemplates(Protocol):
    def compose(self, kind: NotificationKind, words: Mapping[str, object], locale: str = "en") -> EmailContent:
        """The content of a mail of this kind, in the language of `locale` (BCP 47) or in English.
        Raises Permanent if a variable is missing.
        """
        ...


class Mailer(Protocol):
    async def send(self, mail: Mail) -> None:
        """Returns when the mail server has accepted the mail. Raises MailRefused if it never will,
        Transient if it may later.
        """
        ...


class UnknownSealingKey(Permanent):
    """The process has no key with this id."""


class TokenOpener(Protocol):
    def open(self, sealing_key_id: str, sealed: bytes) -> str:
        """The text. Raises UnknownSealingKey, and Permanent if the key does not match."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MailReport:
    """The report of the mail provider about one mail of this service."""

    tenant_id: TenantId
    notification_id: UUID
    address: str = field(repr=False)
    """The address to which the mail was sent."""
    kind: BounceKind
    code: int
    """The mail server's reply code (RFC 5321); 0 if the report has none."""


class MailReportReader(Protocol):
    def read(self, headers: Mapping[str, str], body: bytes, at: datetime) -> MailReport | None:
        """The report of a request; None for one that concerns no address or no mail of this
        service, or is old. Raises WebhookNotAuthentic.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MailResources:
    """Resources of jobs (`JobContext.resources`)."""

    emails: EmailTemplates
    mailer: Mailer
    opener: TokenOpener
    public_url: str
    """The prefix of links in mails, without a slash at its end."""
    unsubscribe_url: str
    """The prefix of unsubscribe links; `/` and a token follow."""
    product_name: str = "Waypost"
    """Signs mails to addresses that are not proved, instead of the tenant's name."""
    invoice_url: str | None = None
    """The prefix of links to invoices; `/` and the invoice's id follow. None: no links."""
    webhooks: "WebhookSender"
    sealer: "SecretSealer"
    return_paths: ReturnPaths | None = None
    """None: mails return to their sender."""


class WebhookFailure(StrEnum):
    """Why a request to a webhook endpoint failed, in the log of deliveries."""

    URL_REFUSED = "url_refused"
    """The present settings do not permit the URL."""
    NO_PUBLIC_ADDRESS = "no_public_address"
    """The host is unknown, or none of its addresses is permitted. These are one failure: a tenant
    must not learn which internal names exist.
    """
    NO_CONNECTION = "no_connection"
    TLS = "tls"
    """The certificate is not valid for the host, or the TLS handshake failed."""
    TIMEOUT = "timeout"
    NO_ANSWER = "no_answer"
    """The connection ended, or its bytes were no HTTP answer."""
    REDIRECT = "redirect"
    """The answer was a redirect, which is not followed."""
    STATUS = "status"
    """The answer had another status than 2xx."""
    INTERRUPTED = "interrupted"
    """The process that sent the request ended before it knew the answer."""

    @property
    def is_answer(self) -> bool:
        return self in (WebhookFailure.REDIRECT, WebhookFailure.STATUS)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookAnswer:
    """The result of one request."""

    failure: WebhookFailure | None = None
    """None for a status of 2xx."""
    status_code: int | None = None
    """None without an HTTP answer."""
    retry_after: timedelta | None = None
    """The pause that the receiver asks for."""


class WebhookConnection(Protocol):
    async def send(self, headers: Mapping[str, str], body: bytes) -> WebhookAnswer:
        """Sends one POST, in bounded time. Never raises for a failure of the receiver."""
        ...


class WebhookSender(Protocol):
    def require_ready(self) -> None:
        """Raises Unavailable at this process's own limit of look-ups: no failure of a receiver."""
        ...

    def connect(self, url: str) -> AbstractAsyncContextManager[WebhookConnection]:
        """Connections to one endpoint. They belong to this endpoint alone, and end with the
        block.
        """
        ...


class SecretSealer(Protocol):
    @property
    def key_id(self) -> str:
        """The key with which new secrets are sealed."""
        ...

    def seal(self, text: str) -> bytes:
        """The text, so that `TokenOpener` alone can open it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiResources:
    """Resources of routes (`RequestContext.resources`)."""

    sealer: SecretSealer
    webhooks_to_private_networks: bool
    reports: MailReportReader | None = None
    """None: this installation receives no reports about mails."""
