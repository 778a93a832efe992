"""An inline projection, rebuilt from the event store."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.fixtures.club import Club, Stage
from tests.fixtures.club.runtime import write_path
from tests.fixtures.club.tables import MEMBERS
from waypost.engine.projections import project
from waypost.engine.rebuild import RebuildReport, rebuild_inline_projection
from waypost.kernel.aggregate import Aggregate
from waypost.kernel.envelope import Envelope
from waypost.kernel.errors import Permanent, Transient
from waypost.kernel.event import Event
from waypost.kernel.ids import TenantId
from waypost.kernel.tenant import bound_tenants
from waypost.ports.consumers import InlineProjection
from waypost.postgres.rebuild import PostgresInlineShadowFactory
from waypost.postgres.unit_of_work import PostgresUnitsOfWork
from waypost.testing.eventually import eventually


class Person(Aggregate):
    aggregate_type = "user"

    def apply(self, event: Event) -> None:
        """Has no state."""

    def is_called(self, name: str, club: Club) -> None:
        at = datetime.now(UTC)
        common: dict[str, Any] = {"tenant_id": self.tenant_id, "user_id": self.id, "display_name": name, "locale": "en"}
        if self.version == 0:
            self.record(club.created(**common, email="a@example.com", role="member", created_at=at))
        else:
            self.record(club.updated(**common, updated_at=at))


class Office:
    """Writes events and projects them in the same transaction."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        club = stage.club
        self.projection = InlineProjection(
            "members", {club.created: club.write_names, club.updated: club.write_names}, tables=MEMBERS
        )
        self.units = PostgresUnitsOfWork(stage.pool, write_path(stage.club, project=self._project))

    async def call(self, tenant_id: TenantId, user_id: UUID, name: str) -> None:
        with bound_tenants([tenant_id]):
            async with self.units.begin() as uow:
                person = await uow.find(Person, user_id) or Person(user_id, tenant_id)
                uow.add(person)
                person.is_called(name, self.stage.club)

    def shadow_factory(self) -> PostgresInlineShadowFactory:
        return PostgresInlineShadowFactory(
            "club", self.projection, self.stage.club.codec, owner_dsn=self.stage.database.owner
        )

    async def rebuilt(self, **options: Any) -> RebuildReport:
        return await rebuild_inline_projection(self.projection, self.shadow_factory(), **options)

    async def _project(self, envelopes: Sequence[Envelope[Event]], rows: AsyncConnection) -> None:
        await project(envelopes, self.projection.handlers, rows)


@pytest.fixture
async def office(stage: Stage) -> AsyncIterator[Office]:
    yield Office(stage)


async def test_rows_of_all_tenants_are_rebuilt(office: Office) -> None:
    people = [office.stage.user() for _ in range(5)]
    for name in ("first", "second"):
        for person in people:
            await office.call(person.tenant_id, person.id, name)
    await office.stage.rows("update members set names = array['spoiled'] returning 1", people[0])

    report = await office.rebuilt()

    assert (report.swapped, report.records, report.comparison.comparisons[0].equal) == (True, 10, False)
    assert await office.stage.names(*people) == [["first", "second"]] * 5
    assert (await office.rebuilt(dry_run=True)).comparison.comparisons[0].equal


async def test_events_written_meanwhile_are_in_it(office: Office) -> None:
    people = [office.stage.user() for _ in range(4)]
    stop = asyncio.Event()

    async def call() -> int:
        rounds = 0
        while not stop.is_set() or rounds == 0:
            rounds += 1
            for person in people:
                await office.call(person.tenant_id, person.id, str(rounds))
        return rounds

    calling = asyncio.create_task(call())
    await asyncio.sleep(0)
    reports = [await office.rebuilt(force=True) for _ in range(3)]
    stop.set()
    rounds = await calling
    assert all(report.swapped and report.comparison.comparisons[0].equal for report in reports)
    assert await office.stage.names(*people) == [[str(number) for number in range(1, rounds + 1)]] * 4


async def test_a_swap_that_freezes_does_not_stop_the_writers(office: Office) -> None:
    ann = office.stage.user()
    await office.call(ann.tenant_id, ann.id, "first")

    async def is_written() -> bool:
        with contextlib.suppress(Transient):  # the limit of a wait for a lock
            await office.call(ann.tenant_id, ann.id, "second")
            return True
        return False

    async with office.shadow_factory().shadow() as shadow:
        with pytest.raises(Transient):
            async with shadow.swap():
                await eventually(is_written, deadline_seconds=30)
    assert await office.stage.names(ann) == [["first", "second"]]


async def test_failed_handler_is_reported_and_nothing_is_changed(office: Office) -> None:
    ann = office.stage.user()
    await office.call(ann.tenant_id, ann.id, "Ann")

    def fails(envelope: Envelope[Any]) -> None:
        raise RuntimeError("this release handles less")

    office.stage.club.trouble = fails
    with pytest.raises(Permanent, match=r"a handler of members failed; nothing was changed.*handles less"):
        await office.rebuilt()
    assert await office.stage.names(ann) == [["Ann"]]
    assert await office.stage.rows("select 1 from pg_namespace where nspname = 'members_new'") == []


async def test_the_application_still_sees_its_own_tenants_events_alone(office: Office) -> None:
    ann, bob = office.stage.user(), office.stage.user()
    await office.call(ann.tenant_id, ann.id, "Ann")
    await office.call(bob.tenant_id, bob.id, "Bob")
    assert await office.stage.rows("select aggregate_id from events", ann) == [(ann.id,)]
    assert await office.stage.rows("select aggregate_id from events") == []
