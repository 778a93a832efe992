"""Errors of the users service; each is a subclass in the tree of `waypost.kernel.errors`."""

from waypost.kernel.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated


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


class TokenNotValid(Invalid):
    """The token is invalid, used or expired: request another."""


class PasswordRefused(Forbidden):
    """The current password is wrong."""


class SignInRefused(Unauthenticated):
    """E-mail address or password is wrong, or the account cannot sign in."""
