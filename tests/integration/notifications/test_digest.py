"""At 09:00 each subscriber gets one digest of unread notices, with the invoices' status when it is
mailed.
"""

import pytest

from schemas.users import UserErased
from services.notifications.jobs import digest
from tests.integration.notifications.conftest import UNSUBSCRIBE_URL
from tests.integration.notifications.digests import DUE, NINE, Digests
from waypost.jobs.queue import enqueue_for_each
from waypost.kernel.errors import Transient
from waypost.kernel.ids import TenantId
from waypost.kernel.tenant import bound_tenants
from waypost.testing.eventually import eventually

EVE, LATER, NEXT_DAY = "2025-03-01T08:59:59", "2025-03-01T21:00:00", "2025-03-02T09:00:00"


@pytest.fixture(autouse=True)
async def before_nine(digests: Digests) -> None:
    """A new schedule has no missed ticks: it is introduced on the evening before."""
    await digests.tick("2025-02-28T21:00:00")


async def test_subscribers_get_their_unread_notices(digests: Digests) -> None:
    digests.set_clock(EVE)
    ada = await digests.subscriber()
    never_asked, has_read = await digests.customer(ada.tenant_id), await digests.subscriber(ada.tenant_id)
    await digests.invoice(ada, 7)
    await digests.pay(await digests.invoice(ada, 8, 123_450))
    for person in (never_asked, has_read):
        await digests.invoice(person, 9)
    await digests.read(has_read)

    await digests.tick(EVE)
    assert await digests.mailed(ada) == []
    await digests.tick(NINE)
    [mail] = await digests.mailed(ada)
    assert mail["subject"] == "Unread billing notices from Analytical Engines: 2"
    assert mail["text"].splitlines()[4:6] == [
        "* Invoice 8, 1,234.50 EUR: paid on 1 March 2025",
        "* Invoice 7, 246.90 EUR: due on 15 March 2025",
    ]
    assert mail["html"].count("<li>") == 2
    assert [await digests.mailed(person) for person in (never_asked, has_read)] == [[], []]


async def test_a_digest_publishes_the_same_events_as_other_notifications(digests: Digests) -> None:
    ada = await digests.subscriber()
    await digests.invoice(ada, 7)
    await digests.tick(NINE)
    [mail] = await digests.mailed(ada)
    [row] = await digests.service.rows(ada.tenant_id, "select * from notifications where kind = 'digest'")
    assert mail["message_id"] == f"<{row['notification_id']}@waypost>"
    assert (row["status"], row["subject_type"], row["subject_id"]) == ("sent", "user", ada.user_id)
    types = "select type from events where aggregate_id = :id order by version"
    events = await digests.service.rows(ada.tenant_id, types, id=row["notification_id"])
    assert [person["type"] for person in events] == ["notification.queued", "notification.sent"]


async def test_one_digest_a_day_despite_repeats(digests: Digests) -> None:
    ada = await digests.subscriber()
    await digests.invoice(ada, 7)
    await digests.tick(NINE, schedulers=3)
    assert len(await digests.mailed(ada)) == 1
    await digests.tick(LATER, schedulers=3)
    with bound_tenants([TenantId(ada.tenant_id)]):
        async with digests.service.bus.units.begin() as uow:
            tenants = [TenantId(ada.tenant_id)]
            await enqueue_for_each(
                uow.rows, tenants, "send_digest", {}, idempotency_key="again", at=digests.service.clock.now()
            )
            await uow.jobs.enqueue("queue_digest", user_id=ada.user_id, day="2025-03-01")
    assert len(await digests.mailed(ada)) == 1
    await digests.tick(NEXT_DAY)
    assert len(await digests.mailed(ada)) == 2, "until it is read"


async def test_a_clock_jump_over_days_sends_one_digest(digests: Digests) -> None:
    ada = await digests.subscriber()
    await digests.invoice(ada, 7)
    for moment in ("2025-03-05T11:00:00", "2025-03-04T10:00:00", "2025-03-05T12:00:00"):
        await digests.tick(moment)
    assert len(await digests.mailed(ada)) == 1


async def test_a_late_digest_belongs_to_the_day_of_its_tick(digests: Digests) -> None:
    digests.set_clock(EVE)
    ada = await digests.subscriber()
    await digests.invoice(ada, 7)
    await digests.tick("2025-03-02T00:30:00")
    assert len(await digests.mailed(ada)) == 1
    await digests.invoice(ada, 8)
    await digests.tick(NEXT_DAY)
    assert len(await digests.mailed(ada)) == 2


async def test_a_retry_after_midnight_is_the_same_digest(digests: Digests, monkeypatch: pytest.MonkeyPatch) -> None:
    lost = LostOnce()
    monkeypatch.setattr(digest, "AFTER_A_PAGE", lost)
    ada = await digests.subscriber()
    await digests.invoice(ada, 7)
    await digests.tick(NINE)
    digests.set_clock("2025-03-01T23:59:00")
    async with digests.service.working():
        failed = "select 1 from jobs where name = 'send_digest' and error is not null"
        await eventually(lambda: digests.service.rows(ada.tenant_id, failed))
    digests.set_clock("2025-03-02T00:10:00")
    assert len(await digests.mailed(ada)) == 1
    assert lost.times == 2
    await digests.tick(NEXT_DAY)
    assert len(await digests.mailed(ada)) == 2


class LostOnce:
    """The response to a commit is lost, the first time."""

    def __init__(self) -> None:
        self.times = 0

    def hit(self) -> None:
        self.times += 1
        if self.times == 1:
            raise Transient("the connection was lost")


async def test_a_digest_has_the_status_at_mailing_time(digests: Digests) -> None:
    ada = await digests.subscriber()
    seven, eight = await digests.invoice(ada, 7), await digests.invoice(ada, 8)
    await digests.queue(ada)
    await digests.read(ada, eight)
    await digests.pay(seven)
    [mail] = await digests.mailed(ada)
    assert "Invoice 7, 246.90 EUR: paid on 1 March 2025" in mail["text"]
    assert "Invoice 8" not in mail["text"]


async def test_read_or_unsubscribed_digests_are_not_mailed(digests: Digests) -> None:
    reader, leaver, gone = await digests.subscriber(), await digests.subscriber(), await digests.subscriber()
    for person in (reader, leaver, gone):
        await digests.invoice(person, 7)
    for person in (reader, leaver, gone):
        await digests.queue(person)
    await digests.read(reader)
    await digests.choose(leaver, digest=False)
    erased = gone.envelope(UserErased(tenant_id=gone.tenant_id, user_id=gone.user_id, erased_at=DUE), 2)
    await digests.service.project(erased)
    await digests.service.react(erased)
    assert [await digests.mailed(person) for person in (reader, leaver, gone)] == [[], [], []]
    reasons = [await digests.emails(person) for person in (reader, leaver, gone)]
    assert reasons == [[("suppressed", why)] for why in ("superseded", "unsubscribed", "erased")]
    query = "select 1 from preferences union all select 1 from read_marks"
    assert await digests.service.rows(gone.tenant_id, query) == []


async def test_each_page_of_users_is_a_transaction_and_a_long_digest_is_cut(
    digests: Digests, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digest, "PAGE_SIZE", 2)
    ada = await digests.subscriber()
    people = [ada, *[await digests.subscriber(ada.tenant_id) for _ in range(4)]]
    for number, person in enumerate(people):
        await digests.invoice(person, number)
    for number in range(100, 122):
        await digests.invoice(ada, number)
    await digests.tick(NINE)
    assert [len(await digests.mailed(person)) for person in people] == [1] * 5
    [mail] = await digests.mailed(ada)
    assert "Invoice 121," in mail["text"] and "Invoice 101," not in mail["text"]
    assert "And 3 more." in mail["text"] and "And 3 more." in mail["html"]


async def test_the_mail_client_can_unsubscribe(digests: Digests) -> None:
    ada = await digests.subscriber()
    await digests.invoice(ada, 7)
    await digests.tick(NINE)
    [mail] = await digests.mailed(ada)
    sent = dict(map(tuple, mail["headers"]))
    link = sent["List-Unsubscribe"].strip("<>")
    assert link.startswith(f"{UNSUBSCRIBE_URL}/") and link in mail["text"] and link in mail["html"]
    assert sent["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    others = [mail for mail in await digests.service.mails(ada) if "Invoice 7 from" in mail["subject"]]
    assert "List-Unsubscribe" not in dict(map(tuple, others[0]["headers"]))

    path = link.removeprefix(UNSUBSCRIBE_URL.removesuffix("/unsubscribe"))
    ended = await digests.http.post(path, data={"List-Unsubscribe": "One-Click"})
    assert (ended.status_code, ended.is_redirect) == (200, False)
    await digests.tick(NEXT_DAY)
    assert len(await digests.mailed(ada)) == 1
    for_how_many = "select result from job_results where name = 'send_digest' order by enqueued_at"
    assert [row["result"] for row in await digests.service.rows(ada.tenant_id, for_how_many)] == [1, 0]
