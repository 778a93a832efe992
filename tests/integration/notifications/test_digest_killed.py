"""A worker is killed between the tick and the mails: each subscriber still gets exactly one
mail.
"""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.fixtures.forked import ForkedProgram
from tests.integration.notifications import digest_process
from tests.integration.notifications.digests import Digests
from waypost.engine.failpoints import VARIABLE
from waypost.kernel.ids import TenantId
from waypost.kernel.tenant import bound_tenants
from waypost.native.child import Child
from waypost.testing.clock import MovableClock
from waypost.testing.eventually import eventually


async def test_a_worker_killed_between_two_users_mails_each_once(digests: Digests, tmp_path: Path) -> None:
    digests.service.clock.move(_until_noon())
    ada = await digests.subscriber()
    people = [ada, *[await digests.subscriber(ada.tenant_id) for _ in range(2)]]
    for person in people:
        await digests.invoice(person, 7)
    with bound_tenants([TenantId(ada.tenant_id)]):
        async with digests.service.bus.units.begin() as uow:
            await uow.jobs.enqueue("send_digest")

    first = await _started(digests, tmp_path, failpoints="digest.after_a_page=kill")
    assert await first.wait() == -9, first.log.read_text()
    second = await _started(digests, tmp_path)

    async def all_done() -> bool:
        return not await digests.service.rows(ada.tenant_id, "select 1 from jobs")

    await eventually(all_done, deadline_seconds=25)
    await second.stop()
    assert [len(await digests.mailed(person)) for person in people] == [1, 1, 1]
    assert [await digests.emails(person) for person in people] == [[("sent", None)]] * 3


def _until_noon() -> timedelta:
    """A fixed day without midnight during the test."""
    now = datetime.now(UTC)
    return (now.replace(hour=12, minute=0) - now) % timedelta(days=1)


async def _started(digests: Digests, folder: Path, *, failpoints: str = "") -> Child:
    clock = folder / "clock"
    MovableClock(file=clock).move_to(digests.service.clock.now())
    environment = {
        **os.environ,
        digest_process.DSN: digests.service.where.app,
        digest_process.CLOCK_FILE: str(clock),
        VARIABLE: failpoints,
    }
    log = folder / f"jobs{len(failpoints)}.log"
    process = ForkedProgram(digest_process.__name__, log=log, environment=environment)
    await process.start()
    return process
