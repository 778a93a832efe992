"""Limits of what one user may request. A request is a mail that another person may have caused, or
an event that is stored for good.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from schemas.users import (
    UserEmailChangeRequested,
    UserPasswordResetRequested,
    UserProfileUpdated,
    UserVerificationRequested,
)
from services.users.domain.errors import EmailChangeTooSoon, TooManyProfileChanges
from waypost.kernel.event import Event

VERIFICATION_LINKS = 3
VERIFICATION_WINDOW = timedelta(minutes=15)
"""Limit of verification links per address and time window: another person may have entered the
address.
"""
PASSWORD_LINK_PAUSE = timedelta(minutes=5)
EMAIL_CHANGE_PAUSE = timedelta(minutes=5)
PROFILE_CHANGES = 50
"""A day: every change is an event that is stored for good and read with the user."""


@dataclass(slots=True)
class RequestHistory:
    """The times of a user's requests, as far as a limit needs them."""

    _verifications: Sequence[datetime] = ()
    _password_link: datetime | None = None
    _email_change: datetime | None = None
    _profile_changes: Sequence[datetime] = ()

    def permit_verification_link(self, at: datetime, limit: int) -> bool:
        return sum(at - requested_at < VERIFICATION_WINDOW for requested_at in self._verifications) < limit

    def permit_password_link(self, at: datetime) -> bool:
        return self._password_link is None or at - self._password_link >= PASSWORD_LINK_PAUSE

    def require_email_change(self, at: datetime) -> None:
        """Raises EmailChangeTooSoon within `EMAIL_CHANGE_PAUSE` of the last request."""
        if self._email_change is not None and at - self._email_change < EMAIL_CHANGE_PAUSE:
            raise EmailChangeTooSoon

    def require_profile_change(self, at: datetime) -> None:
        """Raises TooManyProfileChanges."""
        oldest = self._profile_changes[0] if len(self._profile_changes) == PROFILE_CHANGES else None
        if oldest is not None and at - oldest < timedelta(days=1):
            raise TooManyProfileChanges(PROFILE_CHANGES, timedelta(days=1) - (at - oldest))

    def count(self, event: Event) -> None:
        """Ignores events that no limit concerns."""
        match event:
            case UserVerificationRequested(requested_at=at):
                self._verifications = (*self._verifications, at)[-VERIFICATION_LINKS:]
            case UserPasswordResetRequested(requested_at=at):
                self._password_link = at
            case UserEmailChangeRequested(requested_at=at):
                self._email_change = at
            case UserProfileUpdated(updated_at=at):
                self._profile_changes = (*self._profile_changes, at)[-PROFILE_CHANGES:]
            case _:
                pass
