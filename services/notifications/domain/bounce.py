"""Bounces of mails: their kinds, by the enhanced status code (RFC 3463), and their effects."""

import re
from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum

from services.notifications.domain.category import Category


class BounceKind(StrEnum):
    """The fate of a mail that was not delivered, or not wanted."""

    HARD = "hard"
    """The address does not exist."""
    SOFT = "soft"
    """The mailbox did not accept this mail: it is full or disabled, or its host was not reached."""
    COMPLAINT = "complaint"
    """The recipient marked the mail as unwanted."""


class SuppressionReason(StrEnum):
    """Why an address gets no mail."""

    MAILBOX_UNKNOWN = "mailbox_unknown"
    """A hard bounce."""
    COMPLAINED = "complained"
    SOFT_BOUNCES = "soft_bounces"

    def blocks(self, category: Category) -> bool:
        """A mail about the security of an account is sent as long as the mailbox may exist: a
        complaint or a full mailbox must not keep a person from a new password.
        """
        return self is SuppressionReason.MAILBOX_UNKNOWN or category is not Category.SECURITY

    @property
    def weaker(self) -> Sequence["SuppressionReason"]:
        """The reasons that this one replaces: they block fewer mails, or end earlier."""
        return _BY_STRENGTH[: _BY_STRENGTH.index(self)]


_BY_STRENGTH = (SuppressionReason.SOFT_BOUNCES, SuppressionReason.COMPLAINED, SuppressionReason.MAILBOX_UNKNOWN)


SOFT_BOUNCES = 5
"""Mails to one address with a soft bounce within SOFT_WINDOW, after which it is suppressed."""
SOFT_WINDOW = timedelta(days=7)
SOFT_PAUSE = timedelta(days=7)
"""An address that is suppressed for soft bounces gets mails again after this time."""
REPORTS_KEPT = timedelta(days=30)
"""How long a bounce is remembered, so that a report that comes again is recognized."""
OLDEST_REPORT = timedelta(days=14)
"""An older report is ignored. Shorter than REPORTS_KEPT."""

_STATUS = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})")
_BAD_ADDRESS = frozenset(("5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"))
"""Bad mailbox, bad system, bad syntax, mailbox moved, null MX (RFC 7505)."""
_MAILBOX_STATUS, _NETWORK_STATUS = "2", "4"


def bounce_kind(status: str) -> BounceKind | None:
    """The kind of a bounce by its enhanced status code; None for a code that says nothing about the
    address: the sender, the text, a policy or the server is at fault.
    """
    found = _STATUS.fullmatch(status)
    if found is None or found[1] == "2":
        return None
    if status in _BAD_ADDRESS:
        return BounceKind.HARD
    return BounceKind.SOFT if found[2] in (_MAILBOX_STATUS, _NETWORK_STATUS) else None
