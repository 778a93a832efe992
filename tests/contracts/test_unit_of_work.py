"""Behaviour of every unit of work and its event store, as a handler needs it."""

from datetime import timedelta

import pytest

from tests.contracts.services import CLUB, Person, ServiceUnderTest, in_memory, on_postgres, service
from waypost.kernel.cause import Cause
from waypost.kernel.errors import ConcurrencyConflict, NotFound
from waypost.kernel.event import without_personal_data
from waypost.kernel.ids import TenantId, new_id
from waypost.kernel.tenant import NoTenantBound, bound_tenants

__all__ = ["in_memory", "on_postgres", "service"]

OURS, THEIRS = TenantId(new_id()), TenantId(new_id())


class Undone(Exception):
    """Rolls a transaction back."""


async def principal(service: ServiceUnderTest, *names: str) -> Person:
    person = Person(new_id(), OURS)
    with bound_tenants([OURS]):
        async with service.units.begin() as uow:
            uow.add(person)
            for name in names:
                person.is_called(name)
    return person


async def test_recorded_events_exist_after_the_commit(service: ServiceUnderTest) -> None:
    person = await principal(service, "Ann", "Anna")
    with bound_tenants([OURS]):
        async with service.units.begin() as uow:
            loaded = await uow.load(Person, person.id)
            assert (loaded.names, loaded.version, loaded.recorded) == (["Ann", "Anna"], 2, ())
            assert await uow.load(Person, person.id) is loaded


async def test_rollback_undoes_everything(service: ServiceUnderTest) -> None:
    person = Person(new_id(), OURS)
    with bound_tenants([OURS]):
        with pytest.raises(Undone):
            async with service.units.begin() as uow:
                uow.add(person)
                person.is_called("Ann")
                await uow.flush()
                raise Undone
        async with service.units.begin() as uow:
            assert await uow.find(Person, person.id) is None
            with pytest.raises(NotFound):
                await uow.load(Person, person.id)


async def test_second_of_two_writers_is_refused_and_stores_nothing(service: ServiceUnderTest) -> None:
    person = await principal(service, "Ann")
    late = Person.fold(person.id, OURS, ())
    with bound_tenants([OURS]):
        with pytest.raises(ConcurrencyConflict):
            async with service.units.begin() as uow:
                uow.add(late)
                late.is_called("Another name")
                late.is_called("A third name")
        async with service.units.begin() as uow:
            assert (await uow.load(Person, person.id)).names == ["Ann"]


async def test_aggregate_of_another_tenant_is_not_found(service: ServiceUnderTest) -> None:
    person = await principal(service, "Ann")
    with bound_tenants([THEIRS]):
        async with service.units.begin() as uow:
            assert await uow.find(Person, person.id) is None
            assert await uow.events.history("user", person.id) == []


async def test_write_for_an_unbound_tenant_is_refused(service: ServiceUnderTest) -> None:
    stranger = Person(new_id(), THEIRS)
    with bound_tenants([OURS]), pytest.raises(NoTenantBound):
        async with service.units.begin() as uow:
            uow.add(stranger)
            stranger.is_called("Eve")
    with pytest.raises(NoTenantBound):
        async with service.units.begin():
            raise AssertionError("a unit of work without a tenant was begun")


async def test_history_contains_versions_times_and_the_cause(service: ServiceUnderTest) -> None:
    cause = Cause(correlation_id=new_id(), causation_id=new_id())
    person = Person(new_id(), OURS)
    with bound_tenants([OURS]):
        async with service.units.begin(cause) as uow:
            uow.add(person)
            for name in ("Ann", "Anna", "Annie"):
                person.is_called(name)
        async with service.units.begin() as uow:
            history = await uow.events.history("user", person.id, after=1)
    assert [envelope.aggregate_version for envelope in history] == [2, 3]
    assert {envelope.cause for envelope in history} == {cause}
    assert {envelope.source for envelope in history} == {"/services/club"}
    assert history[1].occurred_at - history[0].occurred_at < timedelta(minutes=1)
    assert len({envelope.event_id for envelope in history}) == 2


async def test_personal_data_is_erased_from_a_history_that_stays(service: ServiceUnderTest) -> None:
    person, other = await principal(service, "Ann", "Anna"), await principal(service, "Eve")
    with bound_tenants([OURS]):
        async with service.units.begin() as uow:
            before = await uow.events.history("user", person.id)
            await uow.events.erase_personal_data("user", person.id)
        async with service.units.begin() as uow:
            after = await uow.events.history("user", person.id)
            assert (await uow.load(Person, other.id)).names == ["Eve"]
            assert (await uow.load(Person, person.id)).names == ["", ""]
    assert [each._replace(event=without_personal_data(each.event)) for each in before] == after != before
    assert {each.event.locale for each in after if isinstance(each.event, CLUB.created)} == {"en"}


async def test_erasure_is_undone_by_a_rollback_and_refused_to_another_tenant(service: ServiceUnderTest) -> None:
    person = await principal(service, "Ann")
    with bound_tenants([THEIRS]):
        async with service.units.begin() as uow:
            await uow.events.erase_personal_data("user", person.id)
    with bound_tenants([OURS]):
        with pytest.raises(Undone):
            async with service.units.begin() as uow:
                await uow.events.erase_personal_data("user", person.id)
                raise Undone
        async with service.units.begin() as uow:
            assert (await uow.load(Person, person.id)).names == ["Ann"]
