"""Events to read rows: `accounts` in the business transaction, `tenants` from the topic."""

from collections.abc import Sequence
from functools import partial

from sqlalchemy import bindparam, delete, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from schemas.users import (
    TenantClosed,
    TenantCreated,
    TenantRenamed,
    UserCreated,
    UserEmailChanged,
    UserEmailVerified,
    UserErased,
    UserPasswordChanged,
    UserPasswordResetRequested,
    UserProfileUpdated,
    UserReactivated,
    UserRoleChanged,
    UserSuspended,
    UserVerificationRequested,
)
from services.users.tables import ACCOUNTS, users
from waypost.engine.changes import changes
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


async def remove_accounts(erased: Sequence[Envelope[UserErased]], rows: AsyncConnection) -> None:
    await rows.execute(
        delete(users).where(users.c.tenant_id == bindparam("of_tenant"), users.c.user_id == bindparam("of_user")),
        [{"of_tenant": each.tenant_id, "of_user": each.aggregate_id} for each in erased],
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
            UserErased: remove_accounts,
        },
        ACCOUNTS,
    )
]

TENANT_DIRECTORY = tenants_projection(created=TenantCreated, renamed=TenantRenamed, closed=TenantClosed)
