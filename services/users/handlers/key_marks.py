"""The keys of people from before the encryption, and the marks of destroyed keys."""

from datetime import datetime, timedelta

from sqlalchemy import and_, select, union_all

from services.users.tables import open_invitations, users
from waypost.engine.person_keys import person_keys
from waypost.kernel.ids import TenantId
from waypost.ports.unit_of_work import UnitOfWork

REPEATED_FOR = timedelta(days=7)
"""A mark is repeated each night of this time, so that some of the nightly jobs may fail."""

KEYS_AT_ONCE = 500
"""Keys that one transaction creates."""


async def create_missing_keys(uow: UnitOfWork) -> int:
    """Creates keys for users and open invitations without one, `KEYS_AT_ONCE` at most, and returns
    their number. Without a key, other services publish what they store of the person readably.
    """
    people = union_all(
        select(users.c.tenant_id, users.c.user_id.label("person_id")),
        select(open_invitations.c.tenant_id, open_invitations.c.invitation_id),
    ).subquery()
    has_row = and_(person_keys.c.tenant_id == people.c.tenant_id, person_keys.c.person_id == people.c.person_id)
    missing = (
        select(people.c.tenant_id, people.c.person_id)
        .where(~select(person_keys.c.person_id).where(has_row).exists())
        .order_by(people.c.person_id)
        .limit(KEYS_AT_ONCE)
    )
    found = (await uow.rows.execute(missing)).all()
    for tenant_id, person_id in found:
        await uow.create_person_key(TenantId(tenant_id), person_id)
    return len(found)


async def repeat_key_marks(at: datetime, uow: UnitOfWork) -> None:
    """Publishes the marks of keys that were destroyed a short time ago again.

    Kafka compacts what is older than its newest segment, and begins a segment only when a record
    arrives. In a partition without later records the key would stay in the topic.
    """
    recent = select(person_keys.c.tenant_id, person_keys.c.person_id).where(
        person_keys.c.key.is_(None), person_keys.c.changed_at > at - REPEATED_FOR
    )
    for tenant_id, person_id in (await uow.rows.execute(recent.order_by(person_keys.c.person_id))).all():
        await uow.destroy_person_key(TenantId(tenant_id), person_id)
