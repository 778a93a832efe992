"""Ids and scalars, never objects."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from waypost.jobs.arguments import JsonScalar
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job, JobRegistry
from waypost.kernel.errors import Invalid, Misconfigured, Permanent
from waypost.kernel.ids import TenantId, new_id
from waypost.ports.jobs import Scalar


@dataclass
class Invoice:
    id: UUID


async def charge(
    job: JobContext, invoice_id: UUID, at: datetime, attempt: int = 1, note: str | None = None
) -> None: ...


async def of_tenant(job: JobContext, tenant: TenantId, dry: bool) -> None: ...


REGISTRY = JobRegistry([Job(charge), Job(of_tenant)])
ID, NOON = new_id(), datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_arguments_come_back_as_what_they_were() -> None:
    given: dict[str, Scalar] = {"invoice_id": ID, "at": NOON, "attempt": 2, "note": None}
    stored = REGISTRY.encode("charge", given)
    assert stored == {"invoice_id": str(ID), "at": "2026-03-01T12:00:00+00:00", "attempt": 2, "note": None}
    assert REGISTRY["charge"].restore(stored) == given


def test_defaults_may_be_left_out() -> None:
    assert REGISTRY.encode("charge", {"invoice_id": ID, "at": NOON}).keys() == {"invoice_id", "at"}
    assert REGISTRY.encode("of_tenant", {"tenant": ID, "dry": True}) == {"tenant": str(ID), "dry": True}


@pytest.mark.parametrize(
    ("job", "arguments", "message"),
    [
        ("charge_all", {}, "there is no job 'charge_all'; declared are: charge, of_tenant"),
        ("charge", {"at": NOON}, "job charge needs invoice_id"),
        ("charge", {"invoice_id": ID, "at": NOON, "force": True}, "job charge takes no force"),
        ("charge", {"invoice_id": Invoice(ID), "at": NOON}, "invoice_id takes UUID, not Invoice. Pass ids"),
        ("charge", {"invoice_id": str(ID), "at": NOON}, "invoice_id takes UUID, not str"),
        ("charge", {"invoice_id": None, "at": NOON}, "invoice_id takes UUID, not NoneType"),
        ("charge", {"invoice_id": ID, "at": datetime(2026, 3, 1)}, "at has no time zone"),  # noqa: DTZ001 - the point
        ("charge", {"invoice_id": ID, "at": NOON, "attempt": True}, "attempt takes int, not bool"),
        ("charge", {"invoice_id": ID, "at": NOON, "note": "x" * 1001}, "note is longer than 1000 characters"),
        ("charge", {"invoice_id": ID, "at": NOON, "note": "a\0b"}, "note holds a NUL"),
        ("charge", {"invoice_id": ID, "at": NOON, "note": "\ud83d"}, "note holds a NUL or half a surrogate pair"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_reason(job: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(Invalid, match=message):
        REGISTRY.encode(job, arguments)


def test_an_older_releases_arguments_are_a_permanent_error() -> None:
    for stored in ({"invoice_id": "no id", "at": NOON.isoformat()}, {"amount": 3}, {}):
        with pytest.raises(Permanent, match="do not fit its handler any more"):
            REGISTRY["charge"].restore(stored)


def test_a_handler_that_takes_an_object_is_refused_at_start() -> None:
    async def pay(job: JobContext, invoice: Invoice) -> None: ...

    async def hurry(job: JobContext, priority: int) -> None: ...

    with pytest.raises(Misconfigured, match=r"job pay: invoice is .*Invoice.* Pass the id"):
        Job(pay)
    with pytest.raises(Misconfigured, match="priority is a word of enqueue"):
        Job(hurry)


def test_a_name_is_the_functions_own_unless_given_and_is_unique() -> None:
    assert Job(charge).name == "charge"
    assert Job(charge, name="charge_invoice").name == "charge_invoice"
    with pytest.raises(Misconfigured, match="two jobs are named charge"):
        JobRegistry([Job(charge), Job(charge)])


def test_what_a_person_types_becomes_what_the_handler_takes() -> None:
    typed = {"invoice_id": str(ID), "at": "2026-03-01T12:00:00Z", "attempt": "2", "note": "again"}
    assert REGISTRY.read("charge", typed) == {"invoice_id": ID, "at": NOON, "attempt": 2, "note": "again"}
    assert REGISTRY.read("of_tenant", {"tenant": str(ID), "dry": "true"}) == {"tenant": ID, "dry": True}
    assert REGISTRY.read("charge", {"invoice_id": str(ID), "at": "2026-03-01T12:00Z", "attempt": 2})["attempt"] == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tenant": "7", "dry": "true"}, "tenant takes UUID, not '7'"),
        ({"tenant": str(ID), "dry": "yes"}, "dry takes bool, not 'yes'"),
        ({"tenant": str(ID), "dry": 1}, "dry takes bool, not int"),
        ({"tenant": str(ID)}, "job of_tenant needs dry"),
        ({"tenant": str(ID), "dry": "true", "wet": "7"}, "job of_tenant takes no wet"),
    ],
)
def test_what_is_typed_wrong_is_refused(arguments: dict[str, JsonScalar], message: str) -> None:
    with pytest.raises(Invalid, match=message):
        REGISTRY.read("of_tenant", arguments)
