"""Job arguments are ids, scalars and lists of these, never objects."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job, JobRegistry
from waypost.jobs.parameter import JsonArgument
from waypost.kernel.errors import Invalid, Misconfigured, Permanent
from waypost.kernel.ids import TenantId, new_id
from waypost.ports.jobs import JobArgument


@dataclass
class Invoice:
    id: UUID


async def charge(
    job: JobContext, invoice_id: UUID, at: datetime, attempt: int = 1, note: str | None = None
) -> None: ...


async def of_tenant(job: JobContext, tenant: TenantId, dry: bool) -> None: ...


async def settle(
    job: JobContext, ids: list[UUID], day: date, amount: Decimal, shares: list[Decimal] | None = None
) -> None: ...


REGISTRY = JobRegistry([Job(charge), Job(of_tenant), Job(settle)])
DAY = date(2026, 3, 1)
ID, NOON = new_id(), datetime(2026, 3, 1, 12, tzinfo=UTC)
TYPED: dict[str, JsonArgument] = {"ids": "[]", "day": "2026-03-01", "amount": "1.10"}
SETTLED = {"ids": [ID], "day": DAY, "amount": Decimal("1.10")}


def test_arguments_are_restored_unchanged() -> None:
    given: dict[str, JobArgument] = {"invoice_id": ID, "at": NOON, "attempt": 2, "note": None}
    stored = REGISTRY.encode("charge", given)
    assert stored == {"invoice_id": str(ID), "at": "2026-03-01T12:00:00+00:00", "attempt": 2, "note": None}
    assert REGISTRY["charge"].restore(stored) == given


def test_lists_dates_and_decimals_are_restored_unchanged() -> None:
    given: dict[str, JobArgument] = {"ids": [ID, ID], "day": DAY, "amount": Decimal("1.10"), "shares": [Decimal("-0")]}
    stored = REGISTRY.encode("settle", given)
    assert stored == {"ids": [str(ID), str(ID)], "day": "2026-03-01", "amount": "1.10", "shares": ["-0"]}
    restored = REGISTRY["settle"].restore(stored)
    assert restored == given
    assert str(restored["amount"]) == "1.10", "the scale is part of an amount"


def test_arguments_with_defaults_are_optional() -> None:
    assert REGISTRY.encode("charge", {"invoice_id": ID, "at": NOON}).keys() == {"invoice_id", "at"}
    assert REGISTRY.encode("of_tenant", {"tenant": ID, "dry": True}) == {"tenant": str(ID), "dry": True}


@pytest.mark.parametrize(
    ("job", "arguments", "message"),
    [
        (
            "charge_all",
            {},
            "job 'charge_all' is not declared: add it to the service's JOBS; declared jobs: charge, of_tenant, settle",
        ),
        ("charge", {"at": NOON}, "job charge needs invoice_id"),
        ("charge", {"invoice_id": ID, "at": NOON, "force": True}, "job charge takes no force"),
        ("charge", {"invoice_id": Invoice(ID), "at": NOON}, "invoice_id takes UUID, not Invoice. Pass ids"),
        ("charge", {"invoice_id": str(ID), "at": NOON}, "invoice_id takes UUID, not str"),
        ("charge", {"invoice_id": None, "at": NOON}, "invoice_id takes UUID, not NoneType"),
        ("charge", {"invoice_id": ID, "at": datetime(2026, 3, 1)}, "at has no time zone"),  # noqa: DTZ001 - the point
        ("charge", {"invoice_id": ID, "at": NOON, "attempt": True}, "attempt takes int, not bool"),
        ("charge", {"invoice_id": ID, "at": NOON, "note": "x" * 1001}, "note is longer than 1000 characters"),
        ("charge", {"invoice_id": ID, "at": NOON, "note": "a\0b"}, "note holds a NUL"),
        ("settle", SETTLED | {"ids": ID}, r"ids takes list\[UUID\], not UUID"),
        ("settle", SETTLED | {"ids": (ID,)}, r"ids takes list\[UUID\], not tuple"),
        ("settle", SETTLED | {"ids": None}, r"ids takes list\[UUID\], not NoneType"),
        ("settle", SETTLED | {"ids": [ID, str(ID)]}, r"ids\[1\] takes UUID, not str"),
        ("settle", SETTLED | {"ids": [None]}, r"ids\[0\] takes UUID, not NoneType"),
        ("settle", SETTLED | {"ids": [ID] * 1001}, "ids has more than 1000 elements. Store them"),
        ("settle", SETTLED | {"day": NOON}, "day takes date, not datetime"),
        ("charge", {"invoice_id": ID, "at": DAY}, "at takes datetime, not date"),
        ("settle", SETTLED | {"amount": 1.1}, "amount takes Decimal, not float"),
        ("settle", SETTLED | {"amount": 1}, "amount takes Decimal, not int"),
        ("settle", SETTLED | {"amount": Decimal("NaN")}, "amount is NaN; a job takes finite numbers"),
        ("settle", SETTLED | {"shares": [Decimal("-Infinity")]}, r"shares\[0\] is -Infinity; a job takes finite"),
        ("settle", SETTLED | {"amount": Decimal("1" * 1001)}, "amount has more than 1000 digits"),
        (
            "settle",
            SETTLED | {"amount": Decimal("1E-999999999")},
            "amount is 1E-999999999, which has more than 1000 dig",
        ),
        (
            "settle",
            SETTLED | {"amount": Decimal("0E+999999999")},
            "amount is 0E.999999999, which has more than 1000 dig",
        ),
        ("charge", {"invoice_id": ID, "at": NOON, "attempt": -(10**1000)}, "attempt has more than 1000 digits"),
        ("charge", {"invoice_id": ID, "at": NOON, "note": "\ud83d"}, "note holds a NUL or half a surrogate pair"),
    ],
)
def test_argument_that_does_not_fit_is_refused_with_a_reason(job: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(Invalid, match=message):
        REGISTRY.encode(job, arguments)


@pytest.mark.parametrize(
    ("job", "stored"),
    [
        ("charge", {"invoice_id": "no id", "at": NOON.isoformat()}),
        ("charge", {"amount": 3}),
        ("charge", {}),
        ("charge", {"invoice_id": [str(ID)], "at": NOON.isoformat()}),
        ("settle", {"ids": str(ID), "day": "2026-03-01", "amount": "1"}),
        ("settle", {"ids": [], "day": "2026-03-01", "amount": "one"}),
        ("settle", {"ids": [], "day": "2026-02-30", "amount": "1"}),
        ("settle", {"ids": [], "day": "2026-03-01", "amount": 1}),
    ],
)
def test_arguments_of_another_release_are_a_permanent_error(job: str, stored: dict[str, JsonArgument]) -> None:
    with pytest.raises(Permanent, match="do not fit its handler"):
        REGISTRY[job].restore(stored)


def test_handler_with_an_object_parameter_is_refused_at_start() -> None:
    async def pay(job: JobContext, invoice: Invoice) -> None: ...

    async def hurry(job: JobContext, priority: int) -> None: ...

    with pytest.raises(Misconfigured, match=r"job pay: invoice is .*Invoice.* Pass the id"):
        Job(pay)
    with pytest.raises(Misconfigured, match="priority is an argument of enqueue"):
        Job(hurry)


@pytest.mark.parametrize(
    ("annotation", "advice"),
    [
        (float, "A float is rounded: pass a Decimal, or money as integer minor units"),
        (float | None, "A float is rounded"),
        (list[float], "A float is rounded"),
        (dict[str, int], "Pass each entry as a separate parameter"),
        (list[dict[str, int]], "Pass each entry as a separate parameter"),
        (list, r"Name the element type: list\[UUID\]"),
        (list[list[int]], "A list holds scalars, not lists"),
        (tuple[int, ...], "Annotate it as a list"),
        (Sequence[UUID], "Annotate it as a list"),
        (int | str, "Name one type"),
        (list[int | None], "Name one type; a list holds no None"),
        (list[Invoice], "Pass the id of an object"),
        (bytes, "Pass the id of an object"),
    ],
)
def test_unsupported_type_is_refused_with_an_alternative(annotation: Any, advice: str) -> None:
    async def settle(job: JobContext, amounts: Any) -> None: ...

    settle.__annotations__["amounts"] = annotation
    with pytest.raises(Misconfigured, match=f"job settle: amounts is .*; a job takes str, .* lists of these. {advice}"):
        Job(settle)


def test_name_defaults_to_the_function_and_is_unique() -> None:
    assert Job(charge).name == "charge"
    assert Job(charge, name="charge_invoice").name == "charge_invoice"
    with pytest.raises(Misconfigured, match="two jobs are named charge"):
        JobRegistry([Job(charge), Job(charge)])


def test_typed_text_becomes_the_handlers_types() -> None:
    typed = {"invoice_id": str(ID), "at": "2026-03-01T12:00:00Z", "attempt": "2", "note": "again"}
    assert REGISTRY.read("charge", typed) == {"invoice_id": ID, "at": NOON, "attempt": 2, "note": "again"}
    assert REGISTRY.read("of_tenant", {"tenant": str(ID), "dry": "true"}) == {"tenant": ID, "dry": True}
    assert REGISTRY.read("charge", {"invoice_id": str(ID), "at": "2026-03-01T12:00Z", "attempt": 2})["attempt"] == 2
    settled = {"ids": f'["{ID}"]', "day": "2026-03-01", "amount": "1.10"}
    assert REGISTRY.read("settle", settled) == SETTLED
    assert REGISTRY.read("settle", {**settled, "ids": [str(ID)]}) == SETTLED


@pytest.mark.parametrize(
    ("job", "arguments", "message"),
    [
        ("of_tenant", {"tenant": "7", "dry": "true"}, "tenant takes UUID, not '7'"),
        ("of_tenant", {"tenant": str(ID), "dry": "yes"}, "dry takes bool, not 'yes'"),
        ("of_tenant", {"tenant": str(ID), "dry": 1}, "dry takes bool, not int"),
        ("of_tenant", {"tenant": str(ID)}, "job of_tenant needs dry"),
        ("of_tenant", {"tenant": str(ID), "dry": "true", "wet": "7"}, "job of_tenant takes no wet"),
        ("of_tenant", {"tenant": [str(ID)], "dry": "true"}, "tenant takes UUID, not list"),
        ("settle", TYPED | {"ids": str(ID)}, r"ids takes list\[UUID\], not '.*'; a list is a JSON array"),
        ("settle", TYPED | {"ids": "7"}, r"ids takes list\[UUID\], not int"),
        ("settle", TYPED | {"ids": '["7"]'}, r"ids takes list\[UUID\], not '\[\"7\"\]'; a list is a JSON array"),
        ("settle", TYPED | {"amount": "1,10"}, "amount takes Decimal, not '1,10'"),
        ("settle", TYPED | {"day": "tomorrow"}, "day takes date, not 'tomorrow'"),
    ],
)
def test_invalid_text_is_refused(job: str, arguments: dict[str, JsonArgument], message: str) -> None:
    with pytest.raises(Invalid, match=message):
        REGISTRY.read(job, arguments)
