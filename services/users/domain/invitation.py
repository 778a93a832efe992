"""An invitation to a tenant: asked for or sent, then accepted or withdrawn."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Self
from uuid import UUID

from schemas.users import InvitationAccepted, InvitationRequested, InvitationSent, InvitationWithdrawn
from services.users.domain.email import canonical_form
from services.users.domain.errors import AddressNotVerified, InvitationNotWaiting, RoleNotGrantable
from services.users.domain.tokens import SealedToken
from services.users.domain.user import User
from services.users.domain.user_status import UserStatus
from waypost.kernel.aggregate import Aggregate
from waypost.kernel.event import Event
from waypost.kernel.ids import TenantId
from waypost.kernel.role import Role
from waypost.kernel.stored_kinds import known_member


class InvitationStatus(StrEnum):
    REQUESTED = "requested"
    SENT = "sent"
    ACCEPTED = "accepted"
    WITHDRAWN = "withdrawn"


class Withdrawal(StrEnum):
    """Why an invitation or request ended without a new user."""

    REVOKED = "revoked"
    EXPIRED = "expired"
    ERASED = "erased"


def may_invite(inviter: User, role: Role) -> bool:
    """Whether the user may invite this role now. The owner invites admins and members, an admin
    invites members: only an owner makes an admin.
    """
    needed = Role.OWNER if role is Role.ADMIN else Role.ADMIN
    return inviter.status is UserStatus.ACTIVE and role is not Role.OWNER and inviter.role.covers(needed)


def require_may_invite(inviter: User, role: Role) -> None:
    """Raises AddressNotVerified, RoleNotGrantable."""
    if not inviter.verified:
        raise AddressNotVerified
    if not may_invite(inviter, role):
        raise RoleNotGrantable


def may_be_taken_over(user: User) -> bool:
    """Whether an acceptance replaces what was registered for the address: by a member who has not
    proved it. An owner may sign in before, so the account is already theirs.
    """
    return user.status is UserStatus.UNVERIFIED and user.role is not Role.OWNER


class Invitation(Aggregate):
    """Belongs to one address, which the acceptance proves."""

    aggregate_type: ClassVar[str] = "invitation"

    def __init__(self, id: UUID, tenant_id: TenantId) -> None:  # noqa: A002 - an aggregate's id is its id
        super().__init__(id, tenant_id)
        self.email = ""
        self.display_name: str | None = None
        self.locale = ""
        self.role: Role | None = None
        self.invited_by: UUID | None = None
        self.expires_at: datetime | None = None
        self.status = InvitationStatus.REQUESTED

    @classmethod
    def request(
        cls,
        invitation_id: UUID,
        tenant_id: TenantId,
        *,
        email: str,
        display_name: str,
        locale: str,
        approvers: Sequence[UUID],
        at: datetime,
    ) -> Self:
        invitation = cls(invitation_id, tenant_id)
        invitation.record(
            InvitationRequested(
                tenant_id=tenant_id,
                invitation_id=invitation_id,
                email=email,
                display_name=display_name,
                locale=locale,
                approvers=tuple(approvers),
                requested_at=at,
            )
        )
        return invitation

    def send(self, *, email: str, locale: str, role: Role, invited_by: UUID, token: SealedToken, at: datetime) -> None:
        """Mails the link. The caller has checked `require_may_invite`."""
        self.record(
            InvitationSent(
                tenant_id=self.tenant_id,
                invitation_id=self.id,
                email=email,
                role=role.value,
                invited_by=invited_by,
                locale=locale,
                sealing_key_id=token.sealing_key_id,
                sealed_token=token.sealed,
                expires_at=token.expires_at,
                sent_at=at,
            )
        )

    def require_waiting(self) -> None:
        """Raises InvitationNotWaiting."""
        if self.status is not InvitationStatus.REQUESTED:
            raise InvitationNotWaiting

    def approve(self, invited_by: UUID, token: SealedToken, at: datetime) -> None:
        """Invites the person who asked, as a member. Raises InvitationNotWaiting."""
        self.require_waiting()
        self.send(email=self.email, locale=self.locale, role=Role.MEMBER, invited_by=invited_by, token=token, at=at)

    def accept(self, user_id: UUID, at: datetime) -> None:
        self.record(
            InvitationAccepted(tenant_id=self.tenant_id, invitation_id=self.id, user_id=user_id, accepted_at=at)
        )

    def withdraw(self, reason: Withdrawal, at: datetime) -> None:
        self.record(
            InvitationWithdrawn(tenant_id=self.tenant_id, invitation_id=self.id, reason=reason.value, withdrawn_at=at)
        )

    def apply(self, event: Event) -> None:
        match event:
            case InvitationRequested():
                self.email, self.display_name = canonical_form(event.email), event.display_name
                self.locale = event.locale
            case InvitationSent():
                self.email, self.locale, self.role = (
                    canonical_form(event.email),
                    event.locale,
                    known_member(Role, event.role),
                )
                self.invited_by, self.expires_at = event.invited_by, event.expires_at
                self.status = InvitationStatus.SENT
            case InvitationAccepted():
                self.status = InvitationStatus.ACCEPTED
            case InvitationWithdrawn():
                self.status = InvitationStatus.WITHDRAWN
            case _:
                raise TypeError(f"{event.type} is not an event of an invitation")
