"""Every argument of a job is read back from the table unchanged."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fixtures.jobs import Service
from tests.integration.jobs.conftest import ServiceOf
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job
from waypost.jobs.parameter import MAX_TEXT_LENGTH

ZONES = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes))) | st.just(UTC)
SCALARS: Mapping[type, st.SearchStrategy[Any]] = {
    str: st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=1000),
    int: st.integers() | st.integers(-(10**999), 10**999),
    bool: st.booleans(),
    UUID: st.uuids(),
    datetime: st.datetimes(timezones=ZONES),
    date: st.dates(),
    Decimal: st.decimals(allow_nan=False, allow_infinity=False).filter(
        lambda amount: len(amount.as_tuple().digits) <= MAX_TEXT_LENGTH
    ),
}


async def takes_all(
    job: JobContext,
    text: str,
    number: int,
    flag: bool,
    id_: UUID,
    at: datetime,
    day: date,
    amount: Decimal,
    texts: list[str],
    numbers: list[int],
    flags: list[bool],
    ids: list[UUID],
    times: list[datetime],
    days: list[date],
    amounts: list[Decimal],
    maybe: Decimal | None,
    maybe_many: list[date] | None,
) -> None: ...


DECLARED = Job(takes_all)
ARGUMENTS = st.fixed_dictionaries(
    {
        name: (st.none() if parameter.nullable else st.nothing())
        | (st.lists(SCALARS[parameter.kind], max_size=4) if parameter.many else SCALARS[parameter.kind])
        for name, parameter in DECLARED.parameters.items()
    }
)


def exactly(value: Any) -> Any:
    """Two Decimals, and two times, are equal even if they differ in scale or time zone."""
    return [exactly(item) for item in value] if isinstance(value, list) else (type(value), str(value))


@pytest.fixture
async def billing(service: ServiceOf) -> Service:
    return await service([DECLARED])


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(arguments=ARGUMENTS)
async def test_arguments_survive_the_jobs_table(billing: Service, arguments: dict[str, Any]) -> None:
    job = await billing.enqueue("takes_all", **arguments)
    (row,) = await billing.fetch("select arguments::text as arguments from jobs where id = $1", job)
    restored = DECLARED.restore(json.loads(row["arguments"]))
    assert {name: exactly(each) for name, each in restored.items()} == {
        name: exactly(each) for name, each in arguments.items()
    }
