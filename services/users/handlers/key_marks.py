"""Creates missing keys of people, destroys keys that an erasure left, and repeats the marks of
destroyed keys. Each function handles one part of a tenant in the order of ids, and returns the last
id of the part, or None if it was the last part.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Column, ColumnElement, select

from services.users.domain import Invitation, InvitationStatus, User
from services.users.tables import open_invitations, users
from waypost.engine.person_keys import person_keys
from waypost.kernel.ids import TenantId
from waypost.ports.unit_of_work import UnitOfWork

REPEATED_FOR = timedelta(days=7)
"""A mark is repeated each night of this time, so that some of the nightly jobs may fail."""

KEYS_AT_ONCE = 500
"""People or keys of one part: a transaction of the application lasts 15 s at most."""


async def create_missing_user_keys(tenant_id: TenantId, after: UUID, uow: UnitOfWork) -> UUID | None:
    """Creates the keys of the next users without one. Without a key, other services publish what
    they store of the person readably.
    """
    return await _create_missing_keys(users.c.user_id, tenant_id, after, uow)


async def create_missing_invitation_keys(tenant_id: TenantId, after: UUID, uow: UnitOfWork) -> UUID | None:
    """Like `create_missing_user_keys`, of open invitations."""
    return await _create_missing_keys(open_invitations.c.invitation_id, tenant_id, after, uow)


async def destroy_remaining_keys(tenant_id: TenantId, after: UUID, uow: UnitOfWork) -> UUID | None:
    """Destroys the keys of erased users and ended invitations among the next live keys. An earlier
    release erases a person without their key, and a key may be created during an erasure.

    The rows of a new person and their key are one transaction, so that a key that is read first has
    its rows. Events decide in the end, because the rows of users are a read model, and a destroyed
    key cannot be restored.
    """
    part = await _next_ids(person_keys.c.person_id, tenant_id, after, uow, person_keys.c.key.is_not(None))
    remaining = set(part)
    for ids in (users.c.user_id, open_invitations.c.invitation_id):
        remaining -= await _with_row(part, ids, tenant_id, uow)
    for person_id in sorted(remaining):
        if await _has_ended(person_id, uow):
            await uow.destroy_person_key(tenant_id, person_id)
    return _end_of(part)


async def repeat_key_marks(tenant_id: TenantId, at: datetime, after: UUID, uow: UnitOfWork) -> UUID | None:
    """Publishes the next marks of keys that were destroyed a short time ago again.

    Kafka compacts what is older than its newest segment, and begins a segment only when a record
    arrives. In a partition without later records the key would stay in the topic.
    """
    recent = (person_keys.c.key.is_(None), person_keys.c.changed_at > at - REPEATED_FOR)
    part = await _next_ids(person_keys.c.person_id, tenant_id, after, uow, *recent)
    for person_id in part:
        await uow.destroy_person_key(tenant_id, person_id)
    return _end_of(part)


async def _create_missing_keys(ids: Column[UUID], tenant_id: TenantId, after: UUID, uow: UnitOfWork) -> UUID | None:
    part = await _next_ids(ids, tenant_id, after, uow)
    for person_id in sorted(set(part) - await _with_row(part, person_keys.c.person_id, tenant_id, uow)):
        await uow.create_person_key(tenant_id, person_id)
    return _end_of(part)


async def _has_ended(person_id: UUID, uow: UnitOfWork) -> bool:
    """False for a person without events."""
    if (user := await uow.find(User, person_id)) is not None:
        return user.erased
    invitation = await uow.find(Invitation, person_id)
    return invitation is not None and invitation.status in (InvitationStatus.ACCEPTED, InvitationStatus.WITHDRAWN)


async def _next_ids(
    ids: Column[UUID], tenant_id: TenantId, after: UUID, uow: UnitOfWork, *conditions: ColumnElement[bool]
) -> Sequence[UUID]:
    of_tenant = ids.table.c.tenant_id == tenant_id
    query = select(ids).where(of_tenant, ids > after, *conditions).order_by(ids).limit(KEYS_AT_ONCE)
    return (await uow.rows.execute(query)).scalars().all()


async def _with_row(part: Sequence[UUID], ids: Column[UUID], tenant_id: TenantId, uow: UnitOfWork) -> set[UUID]:
    of_part = (ids.table.c.tenant_id == tenant_id, ids.in_(part))
    return set((await uow.rows.execute(select(ids).where(*of_part))).scalars())


def _end_of(part: Sequence[UUID]) -> UUID | None:
    return part[-1] if len(part) == KEYS_AT_ONCE else None
