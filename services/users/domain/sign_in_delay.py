"""The delay of an account after wrong passwords in a row."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

FREE_FAILURES = 10
"""Wrong passwords in a row that cause no delay (NIST SP 800-63B, section 3.2.2, allows 100)."""
FIRST_DELAY = timedelta(seconds=30)
MAX_DELAY = timedelta(minutes=15)
"""Someone who does not know the password can keep an account delayed, so the delay is bounded."""
FORGOTTEN_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInFailures:
    """Wrong passwords in a row for one address."""

    failures: int
    failed_at: datetime
    refused_until: datetime

    def are_refused(self, at: datetime) -> bool:
        """Whether every password is refused, the right one too."""
        return at < self.refused_until

    def another(self, at: datetime) -> "SignInFailures":
        """After one more wrong password. A password during the delay counts nothing: it was not
        checked.
        """
        if self.are_refused(at):
            return self
        failures = 1 if at - self.failed_at >= FORGOTTEN_AFTER else self.failures + 1
        return SignInFailures(failures=failures, failed_at=at, refused_until=at + delay_after(failures))


def delay_after(failures: int) -> timedelta:
    """Doubles with each wrong password beyond the free ones."""
    if failures < FREE_FAILURES:
        return timedelta()
    doublings = min(failures - FREE_FAILURES, 20)
    return min(FIRST_DELAY * int(2**doublings), MAX_DELAY)


def caller_key(user_id: UUID) -> str:
    """The key of the checks of a signed-in user. They are counted apart from sign-ins: people
    without a session cannot use them up. It cannot be an address.
    """
    return f"user:{user_id}"


def link_key(user_id: UUID) -> str:
    """The key of the checks of the person who opened a mailed link of this user. Guesses by people
    without the mail do not delay them.
    """
    return f"link:{user_id}"
