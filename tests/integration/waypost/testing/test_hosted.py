"""`HostedService`: events go through the inbox, the outbox can be read, jobs run to their end."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.fixtures.club import Club, User, club, migrate
from tests.fixtures.club.tables import greetings
from tests.integration.consumer.test_rebuild_of_own_events import Person
from waypost.engine.bus import Commands
from waypost.hosting.service import Service
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job
from waypost.kernel.actor import Actor, bound_actor
from waypost.kernel.command import Command
from waypost.kernel.envelope import Envelope
from waypost.kernel.errors import Forbidden, Permanent
from waypost.kernel.ids import new_id
from waypost.kernel.role import Role
from waypost.ports.consumers import Reactor
from waypost.ports.unit_of_work import Precondition, UnitOfWork
from waypost.testing.database import Databases
from waypost.testing.hosted import HostedService, hosted


@dataclass(frozen=True, slots=True, kw_only=True)
class Register(Command[UUID]):
    person_id: UUID


@dataclass(slots=True)
class Answers:
    """A service that records its own event and queues a job for each event of a user."""

    club: Club
    failures: list[Exception] = field(default_factory=list)
    refusals: list[Exception] = field(default_factory=list)
    job_times: list[Any] = field(default_factory=list)

    @property
    def service(self) -> Service:
        commands: Commands = {Register: self.register}
        answers = Reactor("answers", {self.club.created: self.answer, self.club.updated: self.answer})
        return Service(
            name="club",
            codec=self.club.codec,
            commands=commands,
            projections=[],
            consumers=[self.club.members, answers],
            jobs=[Job(self.congratulate, name="congratulate")],
            authorize=self.authorize,
        )

    async def answer(self, envelope: Envelope[Any], uow: UnitOfWork) -> None:
        person = Person(new_id(), envelope.tenant_id)
        uow.add(person)
        person.is_called(f"answer to {envelope.event.display_name}", self.club)
        await uow.jobs.enqueue("congratulate", user_id=envelope.aggregate_id)
        if self.failures:
            raise self.failures.pop()

    async def congratulate(self, job: JobContext, user_id: UUID) -> None:
        self.job_times.append(job.clock.now())
        row = {"tenant_id": job.tenant_id, "user_id": user_id, "event_id": job.id, "version": 1}
        async with job.begin() as uow:
            await uow.rows.execute(greetings.insert().values(**row))

    async def register(self, command: Register, uow: UnitOfWork) -> UUID:
        (tenant_id,) = uow.tenants
        person = Person(command.person_id, tenant_id)
        uow.add(person)
        person.is_called("Ada", self.club)
        return person.id

    def authorize(self, _: Actor) -> Precondition:
        if self.refusals:
            raise self.refusals.pop()
        return Precondition("select where false", ())


@pytest.fixture
def answers() -> Answers:
    return Answers(club("users.user"))


@pytest.fixture
async def service(answers: Answers, database: Databases) -> AsyncIterator[HostedService]:
    async with hosted(answers.service, await database("club", migrate)) as opened:
        yield opened


@pytest.fixture
def ann(answers: Answers) -> User:
    return User(answers.club)


async def names(service: HostedService, user: User) -> list[str]:
    rows = await service.rows(user.tenant_id, "select names from members")
    return [name for row in rows for name in row["names"]]


async def test_an_event_that_is_delivered_twice_has_one_effect(service: HostedService, ann: User) -> None:
    (created,) = ann.tells("Ann")
    await service.deliver(created)
    once = await service.row_counts(ann.tenant_id)
    await service.deliver(created)
    await service.deliver(created, created, to="answers")
    assert await service.row_counts(ann.tenant_id) == once
    assert (once["events"], once["outbox"], once["jobs"], once["members"]) == (1, 1, 1, 1)
    assert await names(service, ann) == ["Ann"]


async def test_a_consumer_is_named_to_deliver_to_it_alone(service: HostedService, ann: User) -> None:
    (created,) = ann.tells("Ann")
    await service.deliver(created, to="members")
    assert await service.published(ann.tenant_id) == []
    await service.deliver(created, to="answers")
    assert len(await service.published(ann.tenant_id)) == 1
    with pytest.raises(LookupError, match="club has no consumer 'absent'; it has answers, members"):
        await service.deliver(created, to="absent")


async def test_repeat_runs_the_handlers_of_a_delivered_event(service: HostedService, ann: User) -> None:
    (created,) = ann.tells("Ann")
    await service.deliver(created)
    await service.deliver(created, to="answers", repeat=True)
    assert len(await service.published(ann.tenant_id)) == 2


async def test_a_handler_that_fails_leaves_nothing_and_the_event_can_come_later(
    service: HostedService, answers: Answers, ann: User
) -> None:
    (created,) = ann.tells("Ann")
    before = await service.row_counts(ann.tenant_id)
    answers.failures.append(Permanent("the club is closed"))
    with pytest.raises(Permanent, match="the club is closed"):
        await service.deliver(created, to="answers")
    assert await service.row_counts(ann.tenant_id) == before
    await service.deliver(created, to="answers")
    assert len(await service.published(ann.tenant_id)) == 1


async def test_published_events_are_decoded_in_order_with_their_cause(service: HostedService, ann: User) -> None:
    created, renamed = ann.tells("Ann", "Anna")
    await service.deliver(created, renamed, to="answers")
    published = await service.published(ann.tenant_id)
    assert [each.event.display_name for each in published] == ["answer to Ann", "answer to Anna"]  # type: ignore[attr-defined]
    assert [each.cause.causation_id for each in published] == [created.event_id, renamed.event_id]
    assert [each.cause.correlation_id for each in published] == [
        created.cause.correlation_id,
        renamed.cause.correlation_id,
    ]
    assert {each.source for each in published} == {"/services/club"}


async def test_jobs_run_by_the_clock_of_the_test_until_none_is_left(
    service: HostedService, answers: Answers, ann: User
) -> None:
    await service.deliver(*ann.tells("Ann", "Anna"), to="answers")
    ahead = service.clock.now() + timedelta(days=400)
    service.clock.move(timedelta(days=400))
    await service.run_jobs(ann.tenant_id)
    assert await service.rows(ann.tenant_id, "select 1 from jobs") == []
    assert len(await service.rows(ann.tenant_id, "select 1 from greetings")) == 2
    assert all(at >= ahead for at in answers.job_times) and len(answers.job_times) == 2


async def test_a_job_that_is_left_is_named(service: HostedService, ann: User) -> None:
    await service.deliver(*ann.tells("Ann"), to="answers")
    await service.rows(ann.tenant_id, "update jobs set run_at = run_at + interval '1 day' returning id")
    with pytest.raises(AssertionError, match=r"jobs are left after 0\.2 s: .*'congratulate'"):
        await service.run_jobs(ann.tenant_id, deadline_seconds=0.2)


async def test_a_command_of_an_actor_is_authorized_as_in_the_process(
    service: HostedService, answers: Answers, ann: User
) -> None:
    answers.refusals.append(Forbidden("suspended"))
    with bound_actor(
        Actor(user_id=ann.id, tenant_id=ann.tenant_id, role=Role.OWNER, session_id=None, issued_at=service.clock.now())
    ):
        with pytest.raises(Forbidden, match="suspended"):
            await service.handle(Register(person_id=ann.id), ann.tenant_id)
        assert await service.handle(Register(person_id=ann.id), ann.tenant_id) == ann.id
    assert await service.event_types(ann.tenant_id, ann.id) == ["user.created"]
