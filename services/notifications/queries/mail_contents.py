"""The data from which a mail is composed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications.domain import Facts
from services.notifications.tables import invoice_lines, pending_notifications, recipients, sealed_tokens
from waypost.engine.principals import principals
from waypost.jobs.tenant_directory import tenant_directory
from waypost.kernel.role import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressee:
    """The recipient of a mail, and the company that sends it."""

    email: str = field(repr=False)
    display_name: str = field(repr=False)
    locale: str
    erased: bool
    company: str
    verified: bool
    """Whether the recipient has proved to read the address."""


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
        erased=row.status == "erased" or not row.email,  # the key may be destroyed before user.erased arrives
        company=row.company,
        verified=row.status == "verified",
    )


async def owner(rows: AsyncConnection) -> UUID | None:
    """The tenant's owner, or None until the user has arrived from the topic of users."""
    query = select(principals.c.user_id).where(principals.c.role == Role.OWNER.value, ~principals.c.erased)
    found: UUID | None = (await rows.execute(query.limit(1))).scalar_one_or_none()
    return found


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


async def invoice_lines_of(rows: AsyncConnection, invoice_id: UUID) -> Sequence[Mapping[str, Any]] | None:
    """The lines of a finalized invoice; None until all of them have arrived from billing's
    topic.
    """
    complete = select(invoice_lines.c.lines).where(invoice_lines.c.invoice_id == invoice_id, invoice_lines.c.finalized)
    lines: Sequence[Mapping[str, Any]] | None = (await rows.execute(complete)).scalar_one_or_none()
    return lines
