"""Errors of the users service; each is a subclass in the tree of `waypost.kernel.errors`."""

from datetime import timedelta

from waypost.kernel.errors import Conflict, Forbidden, Invalid, NotFound, TooManyRequests, Unauthenticated


class TenantIsClosed(Conflict):
    """The tenant is closed; it accepts no new users."""


class NotSuspended(Conflict):
    """The user is not suspended."""


class OwnerIsProtected(Forbidden):
    """A tenant's owner cannot be suspended or changed by its other users."""


class SelfReactivation(Forbidden):
    """Only another admin can reactivate a suspended user."""


class UserIsErased(NotFound):
    """The user was erased."""


class TooManyProfileChanges(TooManyRequests):
    """The profile was changed too often today."""

    def __init__(self, bound: int, wait: timedelta) -> None:
        super().__init__(
            f"a profile can be changed {bound} times a day, because every change is kept", wait, bound=bound
        )


class TokenNotValid(Invalid):
    """The token is invalid, used or expired: request another."""


class PasswordRefused(Forbidden):
    """The current password is wrong."""


class SignInRefused(Unauthenticated):
    """E-mail address or password is wrong, or the account cannot sign in."""
