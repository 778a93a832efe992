"""Events to read rows: `accounts` in the business transaction, `tenants` from the topic."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, insert, update
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
from shared.jobs.tenant_directory import tenants_projector
from shared.kernel.envelope import Envelope
from shared.kernel.event import Event
from shared.ports.handlers import Projection, ProjectionHandler


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


def changes(columns: Callable[[Any], Mapping[str, object]]) -> ProjectionHandler:
    """A handler that sets these columns of the user's row, and with every event its version."""

    async def change_accounts(happened: Sequence[Envelope[Event]], rows: AsyncConnection) -> None:
        values = [{**columns(each.event), "version": each.aggregate_version} for each in happened]
        statement = (
            update(users)
            .where(users.c.tenant_id == bindparam("of_tenant"), users.c.user_id == bindparam("of_user"))
            .values({name: bindparam(name) for name in values[0]})
        )
        await rows.execute(
            statement,
            [
                {"of_tenant": each.tenant_id, "of_user": each.aggregate_id, **value}
                for each, value in zip(happened, values, strict=True)
            ],
        )

    return change_accounts


_NOTHING_BUT_THE_VERSION = changes(lambda event: {})

PROJECTIONS = [
    Projection(
        "accounts",
        {
            UserCreated: add_accounts,
            UserVerificationRequested: _NOTHING_BUT_THE_VERSION,
            UserEmailVerified: changes(lambda event: {"verified": True}),
            UserEmailChanged: changes(lambda event: {"email": event.email, "verified": False}),
            UserProfileUpdated: changes(lambda event: {"display_name": event.display_name, "locale": event.locale}),
            UserRoleChanged: changes(lambda event: {"role": event.role}),
            UserSuspended: changes(lambda event: {"suspended": True}),
            UserReactivated: changes(lambda event: {"suspended": False}),
            UserPasswordResetRequested: _NOTHING_BUT_THE_VERSION,
            UserPasswordChanged: _NOTHING_BUT_THE_VERSION,
        },
        ACCOUNTS,
    )
]

TENANT_DIRECTORY = tenants_projector(created=TenantCreated, renamed=TenantRenamed, closed=TenantClosed)
