"""Events to read rows: `accounts` in the business transaction, `tenants` from the topic."""

from collections.abc import Sequence
from functools import partial

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from schemas.users import (
    TenantClosed,
    TenantCreated,
    TenantRenamed,
    UserCreated,
    UserEmailChanged,
    UserEmailVerified,
    UserPasswordChanged,
    UserPasswordResetRequested,
    UserProfileUpdated,
    UserReactivated,
    UserRoleChanged,
    UserSuspended,
    UserVerificationRequested,
)
from services.users.tables import ACCOUNTS, users
from shared.engine.changes import changes
from shared.jobs.tenant_directory import tenants_projector
from shared.kernel.envelope import Envelope
from shared.ports.handlers import Projection

_account = partial(changes, users, users.c.user_id)
_touch = _account(lambda event: {})


async def add_accounts(created: Sequence[Envelope[UserCreated]], rows: AsyncConnection) -> None:
    await rows.execute(
        insert(users),
        [
            {
                "tenant_id": each.tenant_id,
                "user_id": each.aggregate_id,
                "email": each.event.email,
                "display_name": each.event.display_name,
                "role": each.event.role,
                "locale": each.event.locale,
                "verified": False,
                "suspended": False,
                "version": each.aggregate_version,
                "created_at": each.event.created_at,
            }
            for each in created
        ],
    )


PROJECTIONS = [
    Projection(
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
        },
        ACCOUNTS,
    )
]

TENANT_DIRECTORY = tenants_projector(created=TenantCreated, renamed=TenantRenamed, closed=TenantClosed)
