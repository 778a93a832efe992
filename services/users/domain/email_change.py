"""A change of a user's address, which two mails protect."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from schemas.users import UserEmailChangeRequested
from services.users.domain.email import Email
from services.users.domain.tokens import SealedToken

PROOF_LIFETIME = timedelta(hours=1)
CANCELLATION_LIFETIME = timedelta(days=3)
"""Time in which the previous address can take a change back, also after it took effect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailChange:
    email: Email = field(repr=False)
    """The new address."""
    proof: SealedToken
    """Mailed to the new address: proves it."""
    cancellation: SealedToken
    """Mailed to the present address: cancels the change, or takes it back."""

    def requested(
        self, tenant_id: UUID, user_id: UUID, *, email: str, locale: str, at: datetime
    ) -> UserEmailChangeRequested:
        """The event of a user who has the address `email` now."""
        return UserEmailChangeRequested(
            tenant_id=tenant_id,
            user_id=user_id,
            email=email,
            new_email=self.email,
            locale=locale,
            sealing_key_id=self.proof.sealing_key_id,
            sealed_token=self.proof.sealed,
            sealed_cancel_token=self.cancellation.sealed,
            expires_at=self.proof.expires_at,
            cancel_expires_at=self.cancellation.expires_at,
            requested_at=at,
        )
