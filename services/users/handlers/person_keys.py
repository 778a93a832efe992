"""The marks of destroyed keys."""

from datetime import datetime, timedelta

from sqlalchemy import select

from waypost.engine.person_keys import person_keys
from waypost.kernel.ids import TenantId
from waypost.ports.unit_of_work import UnitOfWork

REPEATED_FOR = timedelta(days=7)
"""A mark is repeated each night of this time, so that some of the nightly jobs may fail."""


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
