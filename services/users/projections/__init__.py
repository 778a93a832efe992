"""Read models: `accounts` and `invitations` in the business transaction, `tenants` and `overview`
from their topics.
"""

from collections.abc import Sequence
from functools import partial

from sqlalchemy import bindparam, delete, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from schemas.users import (
    InvitationAccepted,
    InvitationRequested,
    InvitationSent,
    InvitationWithdrawn,
    TenantClosed,
    TenantCreated,
    TenantRenamed,
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
from services.users.projections.overview import BILLED
from services.users.tables import ACCOUNTS, INVITATIONS, invitations, users
from waypost.engine.projections import changes
from waypost.engine.row_per_aggregate import Row, RowPerAggregate, put, remove
from waypost.jobs.tenant_directory import tenants_projection
from waypost.kernel.envelope import Envelope
from waypost.ports.consumers import InlineProjection

_account = partial(changes, users, users.c.user_id)
_touch = _account(lambda event: {})


async def add_accounts(created: Sequence[Envelope[UserCreated]], rows: AsyncConnection) -> None:
    await rows.execute(
        insert(users),
        [
            {
                "tenant_id": envelope.tenant_id,
                "user_id": envelope.aggregate_id,
                "email": envelope.event.email,
                "display_name": envelope.event.display_name,
                "role": envelope.event.role,
                "locale": envelope.event.locale,
                "verified": False,
                "suspended": False,
                "version": envelope.aggregate_version,
                "created_at": envelope.event.created_at,
            }
            for envelope in created
        ],
    )


async def remove_accounts(erased: Sequence[Envelope[UserErased]], rows: AsyncConnection) -> None:
    await rows.execute(
        delete(users).where(users.c.tenant_id == bindparam("of_tenant"), users.c.user_id == bindparam("of_user")),
        [{"of_tenant": envelope.tenant_id, "of_user": envelope.aggregate_id} for envelope in erased],
    )


def _sent(row: Row | None, envelope: Envelope[InvitationSent]) -> Row:
    event = envelope.event
    sent = {"status": "sent", "role": event.role, "invited_by": event.invited_by}
    return {"email": event.email, "locale": event.locale, "created_at": event.sent_at, **(row or {}), **sent}


_invitation = RowPerAggregate(
    invitations,
    {
        InvitationRequested: put(
            lambda event: {
                "email": event.email,
                "display_name": event.display_name,
                "locale": event.locale,
                "status": "requested",
                "approvers_mailed": bool(event.approvers),
                "created_at": event.requested_at,
            }
        ),
        InvitationSent: _sent,
        InvitationAccepted: remove,
        InvitationWithdrawn: remove,
    },
)

PROJECTIONS = [
    InlineProjection(
        "accounts",
        {
            UserCreated: add_accounts,
            UserVerificationRequested: _touch,
            UserEmailVerified: _account(lambda event: {"verified": True}),
            UserEmailChanged: _account(lambda event: {"email": event.email, "verified": False}),
            UserProfileUpdated: _account(lambda event: {"display_name": event.display_name, "locale": event.locale}),
            UserRoleChanged: _account(lambda event: {"role": event.role}),
            UserSuspended: _account(lambda event: {"suspended": True}),
            UserReactivated: _account(lambda event: {"suspended": False}),
            UserPasswordResetRequested: _touch,
            UserPasswordChanged: _touch,
            UserSessionsEnded: _touch,
            UserEmailChangeRequested: _touch,
            UserErased: remove_accounts,
        },
        ACCOUNTS,
    ),
    InlineProjection(
        "invitations",
        {
            InvitationRequested: _invitation,
            InvitationSent: _invitation,
            InvitationAccepted: _invitation,
            InvitationWithdrawn: _invitation,
        },
        INVITATIONS,
    ),
]

TENANT_DIRECTORY = tenants_projection(created=TenantCreated, renamed=TenantRenamed, closed=TenantClosed)

__all__ = ["BILLED", "PROJECTIONS", "TENANT_DIRECTORY", "add_accounts", "remove_accounts"]
