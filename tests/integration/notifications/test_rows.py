"""Declared tables match the migrated ones; read models and their clean-up."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, delete, select

from schemas.users import UserEmailChanged, UserEmailVerified, UserErased, UserProfileUpdated
from services.notifications.domain import Notification
from services.notifications.projections import PROJECTIONS
from services.notifications.tables import UNPUBLISHED
from services.notifications.tables import notifications as outgoing
from tests.integration.notifications.service import NotificationsService, Person
from waypost.engine.projections import project
from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.kernel.ids import TenantId
from waypost.kernel.tenant import bound_tenants

DAY = timedelta(days=1)


async def test_migrated_tables_match_the_declared_ones(notifications: NotificationsService) -> None:
    async with notifications.database.transaction() as connection:
        assert await connection.run_sync(_differences, UNPUBLISHED) == []


async def test_recipients_match_their_last_events_in_any_batch(
    notifications: NotificationsService,
) -> None:
    ada, grace = Person(), Person()
    now = notifications.clock.now()

    def renamed(person: Person, name: str, version: int) -> Envelope[Event]:
        event = UserProfileUpdated(
            tenant_id=person.tenant_id, user_id=person.user_id, display_name=name, locale="de-AT", updated_at=now
        )
        return person.envelope(event, version)

    def moved(person: Person, email: str, version: int) -> Envelope[Event]:
        event = UserEmailChanged(
            tenant_id=person.tenant_id,
            user_id=person.user_id,
            email=email,
            previous_email=person.email,
            changed_at=now,
        )
        return person.envelope(event, version)

    def verified(person: Person, version: int) -> Envelope[Event]:
        event = UserEmailVerified(
            tenant_id=person.tenant_id, user_id=person.user_id, email=person.email, verified_at=now
        )
        return person.envelope(event, version)

    await notifications.project(
        ada.created(now),
        renamed(ada, "Countess", 2),
        grace.created(now),
        renamed(ada, "Ada King", 3),
        verified(grace, 2),
        verified(ada, 4),
        moved(ada, "second@example.com", 5),
        moved(ada, "third@example.com", 6),
        moved(grace, "grace@example.com", 3),
        verified(grace, 4),
    )
    assert await _recipients(notifications, ada) == [("third@example.com", "Ada King", "de-AT", "unverified")]
    assert await _recipients(notifications, grace) == [("grace@example.com", "Ada Lovelace", "en", "verified")]


async def test_an_erased_recipient_keeps_only_the_status(notifications: NotificationsService) -> None:
    ada, now = Person(), notifications.clock.now()
    erased = UserErased(tenant_id=ada.tenant_id, user_id=ada.user_id, erased_at=now)
    await notifications.project(ada.created(now), ada.envelope(erased, 2))
    assert await _recipients(notifications, ada) == [("", "", "", "erased")]


async def test_recipients_of_another_tenant_are_invisible(notifications: NotificationsService) -> None:
    ada = Person()
    await notifications.know(ada)
    assert await _recipients(notifications, Person(user_id=ada.user_id)) == []


async def test_notifications_rebuilt_from_the_event_store_are_equal(
    notifications: NotificationsService,
) -> None:
    ada = Person()
    await notifications.react(await notifications.know(ada))
    await notifications.react(notifications.verification(ada, "late", -DAY))
    await notifications.run_jobs(ada.tenant_id)
    everything = select(outgoing).order_by(outgoing.c.notification_id)

    with bound_tenants([TenantId(ada.tenant_id)]):
        async with notifications.bus.units.begin() as uow:
            live = (await uow.rows.execute(everything)).all()
            await uow.rows.execute(delete(outgoing))
            for row in live:
                history = await uow.events.history(Notification.aggregate_type, row.notification_id)
                await project(history, PROJECTIONS[0].handlers, uow.rows)
            assert (await uow.rows.execute(everything)).all() == live
    assert {(row.status, row.reason) for row in live} == {("sent", None), ("suppressed", "expired")}


async def test_an_expired_queued_link_is_cleaned_up(notifications: NotificationsService) -> None:
    ada, grace = Person(), Person()
    for person, lifetime in ((ada, DAY), (grace, 2 * DAY)):
        await notifications.know(person)
        await notifications.react(notifications.verification(person, "token", lifetime))
        await _give_up_jobs(notifications, person)
    notifications.clock.move(DAY)
    for person in (ada, grace):
        with bound_tenants([TenantId(person.tenant_id)]):
            async with notifications.bus.units.begin() as uow:
                await uow.jobs.enqueue("cleanup_expired", idempotency_key=str(uuid4()))
        await notifications.run_jobs(person.tenant_id)
    assert await notifications.statuses(ada) == [("verification", "suppressed", "expired")]
    assert await notifications.statuses(grace) == [("verification", "queued", None)]
    assert (
        await notifications.rows(
            ada.tenant_id, "select 1 from sealed_tokens union all select 1 from pending_notifications"
        )
        == []
    )
    assert len(await notifications.rows(grace.tenant_id, "select 1 from sealed_tokens")) == 1


async def _recipients(notifications: NotificationsService, person: Person) -> list[tuple[Any, ...]]:
    query = "select email, display_name, locale, status from recipients where user_id = :id"
    return [tuple(row.values()) for row in await notifications.rows(person.tenant_id, query, id=person.user_id)]


async def _give_up_jobs(notifications: NotificationsService, person: Person) -> None:
    """Deletes the jobs, like an operator does with a job that cannot succeed."""
    async with notifications.database.transaction([TenantId(person.tenant_id)]) as connection:
        await connection.exec_driver_sql("delete from jobs")


def _differences(connection: Connection, declared: MetaData) -> list[Any]:
    def ours(entity: Any, name: str | None, kind: str, reflected: bool, compared: Any) -> bool:
        return kind != "table" or name in declared.tables

    context = MigrationContext.configure(connection, opts={"include_object": ours, "compare_type": True})
    return list(compare_metadata(context, declared))
