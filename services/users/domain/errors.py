"""Errors of the users service; each is a subclass in the tree of `waypost.kernel.errors`."""

from datetime import timedelta

from waypost.kernel.errors import Conflict, Forbidden, Invalid, NotFound, TooManyRequests, Unauthenticated


class TenantIsClosed(Conflict):
    """The tenant is closed; it accepts no new users."""


class NotSuspended(Conflict):
    """The user is not suspended."""


class OwnerIsProtected(Forbidden):
    """A tenant's owner cannot be suspended or changed by its other users."""


class AdminIsProtected(Forbidden):
    """Only the tenant's owner may erase an admin."""


class NotTheOwner(Forbidden):
    """Only the tenant's owner may transfer the ownership."""


class NewOwnerNotActive(Conflict):
    """The new owner must be an active user: with a verified address, and not suspended."""


class OwnerNotVerified(Conflict):
    """Verify your own address before you hand over: only an owner signs in without that."""


class ConfirmationRequired(Forbidden):
    """This cannot be undone: confirm your password with POST /sessions/confirm, then repeat the
    request within five minutes.
    """


class EmailChangeTooSoon(Conflict):
    """A change of this address was requested recently. Repeat the request after five minutes, or
    after three days if the address has just changed.
    """


class AddressInUse(Conflict):
    """Another user of this tenant has this address."""


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


class TooManyInvitationMails(TooManyRequests):
    """The address was sent its maximum of invitations in an hour, by this tenant or by all."""

    def __init__(self, bound: int, wait: timedelta) -> None:
        super().__init__(
            f"an address is sent at most {bound} invitations an hour, so that no one is flooded with mails",
            wait,
            bound=bound,
        )


class TokenNotValid(Invalid):
    """The token is invalid, used or expired: request another."""


class PasswordRefused(Forbidden):
    """The password is wrong. After many wrong passwords in a row, every password is refused for up
    to 15 minutes.
    """


class OwnerKeepsPassword(Conflict):
    """This link sets no password for the owner of a tenant, because a mail to a mistyped address
    would give the tenant to its reader: send the password of the account as `password`. For
    another one, request a link with POST /password/forgot.
    """


class SignInRefused(Unauthenticated):
    """E-mail address or password is wrong, or the account cannot sign in."""


class AlreadyMember(Conflict):
    """This address belongs to a user of the tenant already: sign in, or reset the password."""


class AlreadyInvited(Conflict):
    """This address has an open invitation: revoke it before you send another."""


class TooManyInvitations(Conflict):
    """The tenant has its maximum of open invitations: revoke some, or wait until they expire."""


class InvitationNotWaiting(Conflict):
    """This is not a request that waits for an approval: it was approved already, or is an
    invitation.
    """


class AddressNotVerified(Forbidden):
    """Invitations are mailed to other people, so your own address must be verified first: use the
    link in your mail.
    """


class RoleNotGrantable(Forbidden):
    """An admin invites members only; the owner invites admins and members."""


class TooManyExports(TooManyRequests):
    """The tenant has its maximum of exports that have not expired: those of people, or those of
    the owner.
    """

    def __init__(self, bound: int, wait: timedelta) -> None:
        super().__init__(
            f"a tenant has at most {bound} exports that people requested, and as many that its owner requested,"
            " because each is stored for a day: repeat the request when the oldest one has expired",
            wait,
            bound=bound,
        )


class ExportUnfinished(Conflict):
    """The export is being prepared: repeat the request when its status is ready. If it is not ready
    after 15 minutes, request the export again.
    """


class ExportForbidden(Forbidden):
    """Only the tenant's owner may export the data of another user."""
