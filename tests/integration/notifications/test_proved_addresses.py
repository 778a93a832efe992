"""The mail about the proof of an address goes to that address, and to no other one."""

from dataclasses import replace
from datetime import timedelta

from schemas.users import UserEmailChanged
from services.notifications.jobs.mails import LONGEST_WAIT
from tests.integration.notifications.service import NotificationsService, Person
from waypost.testing.eventually import eventually


async def moved(notifications: NotificationsService) -> tuple[Person, Person]:
    """A person in the directory, and the same person with a new address, whose proof has reached
    only the handler of mails.
    """
    before = Person()
    after = Person(tenant_id=before.tenant_id, user_id=before.user_id)
    await notifications.know(before)
    await notifications.react(after.verified(notifications.clock.now()))
    return before, after


async def postpone(notifications: NotificationsService, person: Person) -> None:
    """Runs the job until it has been postponed."""

    async def is_postponed() -> bool:
        return bool(await notifications.rows(person.tenant_id, "select 1 from jobs where outages > 0"))

    async with notifications.working():
        await eventually(is_postponed)


async def test_it_waits_until_the_directory_has_the_address(notifications: NotificationsService) -> None:
    before, after = await moved(notifications)
    await postpone(notifications, before)
    changed = UserEmailChanged(
        tenant_id=before.tenant_id,
        user_id=before.user_id,
        email=after.email,
        previous_email=before.email,
        changed_at=notifications.clock.now(),
    )
    await notifications.project(before.envelope(changed, 3))
    await notifications.pass_time(timedelta(minutes=2))  # the next attempt is due
    await notifications.run_jobs(before.tenant_id)
    assert await notifications.statuses(before) == [("email_verified", "sent", None)]
    assert (len(await notifications.mails(after)), await notifications.mails(before)) == (1, [])


async def test_it_is_not_sent_if_the_address_has_changed_again(notifications: NotificationsService) -> None:
    before, after = await moved(notifications)
    await postpone(notifications, before)
    await notifications.pass_time(LONGEST_WAIT)
    await notifications.run_jobs(before.tenant_id)
    assert await notifications.statuses(before) == [("email_verified", "suppressed", "superseded")]
    assert [*await notifications.mails(after), *await notifications.mails(before)] == []


async def test_a_mail_of_an_earlier_release_is_sent_to_the_present_address(notifications: NotificationsService) -> None:
    """It was queued without a note of the address."""
    before, _ = await moved(notifications)
    await notifications.rows(
        before.tenant_id, "update pending_notifications set facts = '{}' returning notification_id"
    )
    await notifications.run_jobs(before.tenant_id)
    assert len(await notifications.mails(before)) == 1


async def test_it_is_sent_to_an_address_that_an_earlier_release_stored(notifications: NotificationsService) -> None:
    """The directory has the Unicode domain, the event its ASCII form."""
    stored = Person(email="ada@bücher.example")
    await notifications.know(stored)
    await notifications.react(replace(stored, email="ada@xn--bcher-kva.example").verified(notifications.clock.now()))
    await notifications.run_jobs(stored.tenant_id)
    assert await notifications.statuses(stored) == [("email_verified", "sent", None)]
