"""An erased recipient's data is deleted and cannot be written again, although the access token
remains valid for minutes.
"""

import asyncio

import pytest

from schemas.users import UserErased
from services.notifications.commands import ChooseMails
from services.notifications.domain import Category
from tests.integration.notifications.digests import DUE, Digests
from tests.integration.notifications.service import Person
from waypost.kernel.envelope import Envelope
from waypost.kernel.errors import NotYet
from waypost.kernel.ids import TenantId
from waypost.kernel.tenant import bound_tenants
from waypost.testing.eventually import eventually

KEPT = "select user_id from preferences union all select recipient_id from read_marks"


def erased(person: Person) -> Envelope[UserErased]:
    return person.envelope(UserErased(tenant_id=person.tenant_id, user_id=person.user_id, erased_at=DUE), 2)


async def test_an_erased_user_cannot_change_preferences_or_read_marks(digests: Digests) -> None:
    ada = await digests.subscriber()
    await digests.invoice(ada, 7)
    [unread] = await digests.unread(ada)
    await digests.service.project(erased(ada))
    await digests.service.react(erased(ada))

    chosen = await digests.http.put("/preferences", json={"digest": True}, headers=digests.headers(ada))
    read = await digests.http.post(f"/notifications/{unread['id']}/read", headers=digests.headers(ada))
    assert (chosen.status_code, read.status_code) == (404, 404)
    assert await digests.service.rows(ada.tenant_id, KEPT) == []


async def test_a_concurrent_preference_is_deleted_too(digests: Digests) -> None:
    ada = await digests.customer()
    choice = ChooseMails(
        tenant_id=TenantId(ada.tenant_id), user_id=ada.user_id, choices={Category.DIGEST: True}, secret=b"s" * 20
    )
    with bound_tenants([choice.tenant_id]):
        async with digests.service.bus.units.begin() as uow:
            await digests.service.bus.execute(choice, uow)
            erasing = asyncio.create_task(digests.service.project(erased(ada)))
            await eventually(lambda: waits_for_a_lock(digests, ada))
    await erasing
    await digests.service.react(erased(ada))
    assert await digests.service.rows(ada.tenant_id, KEPT) == []


async def test_a_recipient_is_deleted_only_after_their_erasure(digests: Digests) -> None:
    ada = await digests.subscriber()
    with pytest.raises(NotYet):
        await digests.service.react(erased(ada))
    await digests.service.project(erased(ada))
    await digests.service.react(erased(ada))
    assert await digests.service.rows(ada.tenant_id, KEPT) == []


async def waits_for_a_lock(digests: Digests, person: Person) -> bool:
    query = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
    return bool(await digests.service.rows(person.tenant_id, query))
