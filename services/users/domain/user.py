"""A user of a tenant."""

from datetime import datetime
from typing import Any, ClassVar, Self
from uuid import UUID

from schemas.users import (
    UserCreated,
    UserEmailChanged,
    UserEmailChangeRequested,
    UserEmailVerified,
    UserErased,
    UserPasswordChanged,
    UserPasswordResetRequested,
    UserProfileUpdated,
    UserReactivated,
    UserRoleChanged,
    UserSessionsEnded,
    UserSuspended,
    UserVerificationRequested,
)
from services.users.domain.email import canonical_form
from services.users.domain.email_change import EmailChange
from services.users.domain.errors import NotSuspended, UserIsErased
from services.users.domain.request_limits import VERIFICATION_LINKS, RequestHistory
from services.users.domain.tokens import SealedToken
from services.users.domain.user_status import UserStatus
from waypost.kernel.aggregate import Aggregate
from waypost.kernel.event import Event
from waypost.kernel.ids import TenantId
from waypost.kernel.role import Role
from waypost.kernel.stored_kinds import known_member

NONPAYMENT = "nonpayment"
"""Reason of the suspension that the payment of written-off invoices ends."""


class User(Aggregate):
    aggregate_type: ClassVar[str] = "user"

    def __init__(self, id: UUID, tenant_id: TenantId) -> None:  # noqa: A002 - an aggregate's id is its id
        super().__init__(id, tenant_id)
        self.email = ""
        self.display_name = ""
        self.role = Role.MEMBER
        self.locale = ""
        self.verified = False
        self.suspended = False
        self.suspension_reason: str | None = None
        self.erased = False
        self._requests = RequestHistory()

    @classmethod
    def create(
        cls,
        user_id: UUID,
        tenant_id: TenantId,
        *,
        email: str,
        display_name: str,
        role: Role,
        locale: str,
        at: datetime,
    ) -> Self:
        user = cls(user_id, tenant_id)
        user.record(
            UserCreated(
                tenant_id=tenant_id,
                user_id=user_id,
                email=email,
                display_name=display_name,
                role=role.value,
                locale=locale,
                created_at=at,
            )
        )
        return user

    @property
    def status(self) -> UserStatus:
        return UserStatus.of(verified=self.verified, suspended=self.suspended, erased=self.erased)

    @property
    def may_sign_in(self) -> bool:
        """True with a verified address; a tenant's owner may sign in at once.

        A person who registers with a foreign address must not learn from the sign-in whether the
        address was taken. The owner of a new tenant is its first user, so a sign-in reveals
        nothing.
        """
        return self.status is UserStatus.ACTIVE or (self.status is UserStatus.UNVERIFIED and self.role is Role.OWNER)

    @property
    def may_reset_password(self) -> bool:
        """True also before the address is verified: the link itself proves the address."""
        return self.status in (UserStatus.UNVERIFIED, UserStatus.ACTIVE)

    def require_present(self) -> None:
        """Raises UserIsErased."""
        if self.erased:
            raise UserIsErased

    def may_receive_verification_link(self, at: datetime) -> bool:
        """Whether to mail a link for a repeated registration: each registration gets its own link,
        up to a limit.
        """
        return self.status is UserStatus.UNVERIFIED and self._requests.permit_verification_link(at, self._max_links)

    @property
    def _max_links(self) -> int:
        """A user who may sign in needs one link at most: another person's registration cannot
        replace their password.
        """
        return 1 if self.may_sign_in else VERIFICATION_LINKS

    def request_verification(self, token: SealedToken, at: datetime) -> None:
        self.record(UserVerificationRequested(**self._link(token, at)))

    def may_receive_password_link(self, at: datetime) -> bool:
        """Whether to mail a password link. Each caller can request one, so the pause prevents a
        flood of mails.
        """
        return self.may_reset_password and self._requests.permit_password_link(at)

    def request_password_reset(self, token: SealedToken, at: datetime) -> None:
        self.record(UserPasswordResetRequested(**self._link(token, at)))

    def _link(self, token: SealedToken, at: datetime) -> dict[str, Any]:
        return token.link(self.tenant_id, self.id, email=self.email, locale=self.locale, at=at)

    def verify_email(self, at: datetime) -> None:
        if not self.verified:
            self.record(UserEmailVerified(tenant_id=self.tenant_id, user_id=self.id, email=self.email, verified_at=at))

    def update_profile(self, at: datetime, *, display_name: str | None = None, locale: str | None = None) -> None:
        """Fields that are None keep their value. Records nothing if no value changes."""
        wanted = (display_name or self.display_name, locale or self.locale)
        if wanted == (self.display_name, self.locale):
            return
        self.record(
            UserProfileUpdated(
                tenant_id=self.tenant_id, user_id=self.id, display_name=wanted[0], locale=wanted[1], updated_at=at
            )
        )

    def require_profile_change(self, at: datetime) -> None:
        """Raises TooManyProfileChanges."""
        self._requests.require_profile_change(at)

    def suspend(self, reason: str, at: datetime) -> None:
        """Reason: `administrator` or `nonpayment`. Does nothing for an erased user, or for one who
        is suspended already; an administrator's suspension replaces one for nonpayment.
        """
        is_replaced = self.suspension_reason == NONPAYMENT and reason != NONPAYMENT
        if not self.erased and (not self.suspended or is_replaced):
            self.record(UserSuspended(tenant_id=self.tenant_id, user_id=self.id, reason=reason, suspended_at=at))

    def reactivate(self, at: datetime) -> None:
        """Raises NotSuspended."""
        if not self.suspended:
            raise NotSuspended
        self.record(UserReactivated(tenant_id=self.tenant_id, user_id=self.id, reactivated_at=at))

    def reactivate_after_payment(self, at: datetime) -> None:
        """Ends a suspension for nonpayment, and no other. Does nothing otherwise."""
        if self.suspension_reason == NONPAYMENT and not self.erased:
            self.reactivate(at)

    def change_role(self, role: Role, at: datetime) -> None:
        if role is not self.role:
            self.record(
                UserRoleChanged(
                    tenant_id=self.tenant_id,
                    user_id=self.id,
                    role=role.value,
                    previous_role=self.role.value,
                    changed_at=at,
                )
            )

    def change_password(self, method: str, at: datetime) -> None:
        """Method: `changed` (with the current password) or `reset` (with a mailed link). The
        aggregate never holds the password.
        """
        self.record(UserPasswordChanged(tenant_id=self.tenant_id, user_id=self.id, method=method, changed_at=at))

    def end_sessions(self, at: datetime, session_id: UUID | None = None) -> None:
        """Records that one session ended, or all of them (None)."""
        self.record(UserSessionsEnded(tenant_id=self.tenant_id, user_id=self.id, session_id=session_id, ended_at=at))

    def request_email_change(self, change: EmailChange, at: datetime) -> None:
        """Raises EmailChangeTooSoon."""
        self._requests.require_email_change(at)
        self.record(change.requested(self.tenant_id, self.id, email=self.email, locale=self.locale, at=at))

    def change_email(self, email: str, at: datetime) -> None:
        """Changes the address to one that was proved."""
        self.record(
            UserEmailChanged(
                tenant_id=self.tenant_id, user_id=self.id, email=email, previous_email=self.email, changed_at=at
            )
        )
        self.verify_email(at)

    def erase(self, at: datetime) -> None:
        """The user's last event. A repeated call changes nothing."""
        if not self.erased:
            self.record(UserErased(tenant_id=self.tenant_id, user_id=self.id, erased_at=at))

    def apply(self, event: Event) -> None:
        self._requests.count(event)
        match event:
            case UserCreated():
                self.email, self.display_name = canonical_form(event.email), event.display_name
                self.role, self.locale = known_member(Role, event.role), event.locale
            case UserEmailChanged(email=email):
                self.email, self.verified = canonical_form(email), False
            case UserEmailVerified():
                self.verified = True
            case UserProfileUpdated():
                self.display_name, self.locale = event.display_name, event.locale
            case UserRoleChanged(role=role):
                self.role = known_member(Role, role)
            case UserSuspended(reason=reason):
                self.suspended, self.suspension_reason = True, reason
            case UserReactivated():
                self.suspended, self.suspension_reason = False, None
            case UserErased():
                self.email = self.display_name = ""
                self.erased = True
            case UserVerificationRequested() | UserPasswordResetRequested() | UserEmailChangeRequested():
                pass
            case UserPasswordChanged() | UserSessionsEnded():
                pass
            case _:
                raise TypeError(f"{event.type} is not an event of a user")
