"""Why this service says no; each is a branch of the tree in `waypost.kernel.errors`."""

from waypost.kernel.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated


class TenantIsClosed(Conflict):
    """The tenant has left; nobody can join it."""


class NotSuspended(Conflict):
    """The user is not suspended."""


class OwnerIsProtected(Forbidden):
    """A tenant's owner is not suspended or changed by its other users."""


class SelfReactivation(Forbidden):
    """A suspended user is let in again by another admin."""


class UserIsErased(NotFound):
    """There is no such user any more."""


class TokenNotValid(Invalid):
    """The token is not valid, or not any more: ask for another."""


class PasswordRefused(Forbidden):
    """The present password is another."""


class SignInRefused(Unauthenticated):
    """E-mail address or password is wrong, or the account cannot sign in."""
