"""The data from which a mail is composed."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications.domain import Facts
from services.notifications.tables import pending_notifications, recipients, sealed_tokens
from waypost.jobs.tenant_directory import tenant_directory


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressee:
    """The recipient of a mail, and the company that sends it."""

    email: str = field(repr=False)
    display_name: str = field(repr=False)
    locale: str
    erased: bool
    company: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredToken:
    address: str = field(repr=False)
    sealing_key_id: str
    sealed: bytes = field(repr=False)
    expires_at: datetime


async def addressee(rows: AsyncConnection, user_id: UUID) -> Addressee | None:
    """The recipient and the company, or None until the user and the tenant have arrived from their
    topics.
    """
    row = (
        await rows.execute(
            select(recipients, tenant_directory.c.name.label("company"))
            .join(tenant_directory, tenant_directory.c.tenant_id == recipients.c.tenant_id)
            .where(recipients.c.user_id == user_id)
        )
    ).one_or_none()
    if row is None:
        return None
    return Addressee(
        email=row.email,
        display_name=row.display_name,
        locale=row.locale,
        erased=row.status == "erased",
        company=row.company,
    )


async def company_of(rows: AsyncConnection, tenant_id: UUID) -> str | None:
    """The tenant's name, or None until the tenant has arrived from its topic."""
    query = select(tenant_directory.c.name).where(tenant_directory.c.tenant_id == tenant_id)
    name: str | None = (await rows.execute(query)).scalar_one_or_none()
    return name


async def facts_of(rows: AsyncConnection, notification_id: UUID) -> Facts:
    facts: Facts = (
        await rows.execute(
            select(pending_notifications.c.facts).where(pending_notifications.c.notification_id == notification_id)
        )
    ).scalar_one()
    return facts


async def token_of(rows: AsyncConnection, notification_id: UUID) -> StoredToken | None:
    """The sealed token of a notification, or None if a newer link replaced it."""
    row = (
        await rows.execute(select(sealed_tokens).where(sealed_tokens.c.notification_id == notification_id))
    ).one_or_none()
    if row is None:
        return None
    return StoredToken(
        address=row.address, sealing_key_id=row.sealing_key_id, sealed=row.sealed, expires_at=row.expires_at
    )
