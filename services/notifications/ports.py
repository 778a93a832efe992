"""What this service needs of the outside: words, keys, and somebody who carries mail."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from services.notifications.domain import Kind
from waypost.kernel.errors import Permanent


class MailRefused(Permanent):
    """The mail server will never take this mail."""

    def __init__(self, reason: str, code: int) -> None:
        self.reason = reason
        super().__init__(f"the mail server refused the mail for good: {code}, {reason}", code=code)


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
    """Ends mails of this kind by one POST (RFC 8058)."""


class EmailTemplates(Protocol):
    def compose(self, kind: Kind, words: Mapping[str, object]) -> EmailContent:
        """Raises Permanent where a word is missing."""
        ...


class Mailer(Protocol):
    async def send(self, mail: Mail) -> None:
        """Returns when the mail server has taken it. Raises MailRefused where it never will,
        Transient where it may later.
        """
        ...


class TokenOpener(Protocol):
    def open(self, sealing_key_id: str, sealed: bytes) -> str:
        """The token in the clear. Raises Permanent where the key is not here, or does not fit."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MailResources:
    """What jobs find in their context's `resources`."""

    emails: EmailTemplates
    mailer: Mailer
    opener: TokenOpener
    public_url: str
    """What links in mails begin with; no slash at its end."""
    unsubscribe_url: str
    """What an unsubscribe link begins with; `/` and a token follow."""
