"""Reports, from the request over the job to its result and its file."""

import csv
import io
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from services.billing.jobs import reports
from services.billing.ports import Succeeded
from tests.integration.billing.reports import FIRST_QUARTER, completed, file_of, invoiced, line, report, requested
from tests.integration.billing.service import BillingService, Company
from waypost.kernel.ids import new_id
from waypost.kernel.role import Role

JANUARY, FEBRUARY = datetime(2026, 1, 31, 23, 59, 59, 999_999, UTC), datetime(2026, 2, 1, tzinfo=UTC)


async def paid(company: Company, at: datetime, amount: int) -> str:
    invoice_id = await invoiced(company, at, amount)
    await company.decide(await company.begin_charge(invoice_id), Succeeded(provider_id=f"ch_{invoice_id}"))
    return invoice_id


async def refund(company: Company, invoice_id: str, amount: int) -> None:
    await company.post(f"/invoices/{invoice_id}/refund", {"amount_minor": amount})
    [attempt] = await company.rows("select id from payment_attempts where kind = 'refund' and status = 'pending'")
    await company.decide(attempt["id"], Succeeded(provider_id="re_1"))


async def test_a_report_groups_by_month_currency_and_status(company: Company) -> None:
    await refund(company, await paid(company, JANUARY, 1_000), 250)
    await paid(company, JANUARY, 500)
    await invoiced(company, JANUARY, 70)
    await invoiced(company, JANUARY, 7, currency="USD")
    voided = await invoiced(company, FEBRUARY, 40)
    await company.post(f"/invoices/{voided}/void")
    for outside in (datetime(2025, 12, 31, 23, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)):
        await invoiced(company, outside, 9)
    await company.draft(3)
    stranger = await company.billing.company()
    await invoiced(stranger, JANUARY, 5)

    location = await requested(company)
    assert (await company.get(location))["status"] == "queued"
    job = await completed(company, location)
    assert (job["name"], job["progress"], job["error"]) == ("generate_report", 100, None)
    assert job["result"] == {
        "kind": "revenue",
        "format": "json",
        "from": "2026-01-01T00:00:00+00:00",
        "to": "2026-04-01T00:00:00+00:00",
        "download": None,
        "lines": [
            line("2026-01", "EUR", "open", 1, 70),
            line("2026-01", "EUR", "paid", 2, 1_500, paid_minor=1_500, refunded_minor=250),
            line("2026-01", "USD", "open", 1, 7),
            line("2026-02", "EUR", "void", 1, 40),
        ],
    }
    assert await report(company) == job["result"]


async def test_the_end_of_a_period_is_exclusive(company: Company) -> None:
    await invoiced(company, JANUARY, 1)
    await invoiced(company, FEBRUARY, 2)
    result = await report(company, FIRST_QUARTER | {"from": "2026-02-01T01:00:00+01:00", "to": "2026-02-01T00:00:01Z"})
    assert result["lines"] == [line("2026-02", "EUR", "open", 1, 2)]
    result = await report(company, FIRST_QUARTER | {"from": "2026-01-31", "to": "2026-02-01T00:00:00Z"})
    assert result["lines"] == [line("2026-01", "EUR", "open", 1, 1)]
    assert (await report(company, FIRST_QUARTER | {"from": "2026-03-01"}))["lines"] == []


async def test_sums_may_exceed_64_bits(company: Company) -> None:
    for _ in range(2):
        await invoiced(company, JANUARY, 1)
    await company.rows("update invoices.invoices set total_minor = :largest returning 1", largest=2**63 - 1)
    assert (await report(company))["lines"] == [line("2026-01", "EUR", "open", 2, 2**64 - 2)]


async def test_a_csv_report_links_its_file(company: Company) -> None:
    await paid(company, JANUARY, 500)
    await invoiced(company, FEBRUARY, 7, currency="USD")
    location = await requested(company, FIRST_QUARTER | {"format": "csv"})
    early = await company.billing.http.get(file_of(location), headers=company.headers())
    assert (early.status_code, early.json()["type"]) == (409, "urn:waypost:problem:report-unfinished")
    result = (await completed(company, location))["result"]
    assert (result["format"], result["download"]) == ("csv", file_of(location))
    answer = await company.billing.http.get(result["download"], headers=company.headers())
    assert answer.headers["content-type"] == "text/csv; header=present; charset=utf-8"
    assert answer.headers["content-disposition"].startswith('attachment; filename="revenue-')
    head, *rest = answer.text.split("\r\n")
    assert (
        head == "month,currency,status,invoices,invoiced_minor,paid_minor,refunded_minor,tax_minor,refunded_tax_minor"
    )
    assert rest == ["2026-01,EUR,paid,1,500,500,0,0,0", "2026-02,USD,open,1,7,0,0,0,0", ""]
    assert list(csv.DictReader(io.StringIO(answer.text))) == [
        {name: str(value) for name, value in item.items()} for item in result["lines"]
    ]
    without_tax = "result::text"
    for column in ("tax_minor", "refunded_tax_minor"):
        without_tax = f"replace({without_tax}, ', \"{column}\": 0', '')"
    [earlier] = await company.rows(
        f"update job_results set result = ({without_tax})::jsonb where name = 'generate_report' returning result::text as result"
    )
    assert "tax_minor" not in earlier["result"], "as an earlier release stored it"
    again = await company.billing.http.get(result["download"], headers=company.headers())
    assert again.text == answer.text


@pytest.mark.parametrize(
    ("change", "place", "reason"),
    [
        ({"to": "2025-12-31"}, None, "`to` must be later than `from`"),
        ({"from": "2026-03-31T00:00:00Z", "to": "2026-03-31T00:00:00Z"}, None, "`to` must be later than `from`"),
        ({"from": "2024-03-31"}, None, "24 months at most"),
        ({"kind": "weather"}, "/kind", "'revenue'"),
        ({"format": "xlsx"}, "/format", "'json' or 'csv'"),
        ({"from": "2026-01-01T00:00:00"}, "/from", "with its offset"),
        ({"from": 1_767_225_600}, "/from", "with its offset"),
        ({"from": "1767225600"}, "/from", "with its offset"),
        ({"from": "2026-02-30"}, "/from", "day is out of range"),
        ({"from": "0001-01-01T00:00:00+14:00"}, "/from", "greater than"),
        ({"to": "9999-12-31"}, "/to", "less than"),
        ({"to": "9999-12-31T23:59:59-14:00"}, "/to", "less than"),
        ({"to": None}, "/to", "with its offset"),
        ({"until": "2026-03-31"}, "/until", "not permitted"),
    ],
)
async def test_an_invalid_report_request_is_refused_with_the_reason(
    company: Company, change: dict[str, Any], place: str | None, reason: str
) -> None:
    answer = await company.post("/reports", FIRST_QUARTER | change)
    problem = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    if place is None:
        assert reason in problem["detail"]
    else:
        assert [(item["pointer"], reason in item["detail"]) for item in problem["errors"]] == [(place, True)]
    assert (await company.row_counts())["jobs"] == 0


async def test_a_period_may_have_the_maximum_of_months(company: Company) -> None:
    await requested(company, FIRST_QUARTER | {"from": "2024-04-01"})


async def test_a_report_with_too_many_lines_fails_with_advice(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    await invoiced(company, JANUARY, 1)
    await invoiced(company, FEBRUARY, 1)
    monkeypatch.setattr(reports, "MAX_LINES", 1)
    location = await requested(company)
    job = await completed(company, location, "dead")
    assert (job["result"], job["attempts"]) == (None, 1)
    assert "ask for a shorter period" in job["error"]
    answer = await company.billing.http.get(file_of(location), headers=company.headers())
    assert answer.status_code == 409


async def test_a_repeated_request_creates_one_report(company: Company) -> None:
    key = f"report-{new_id()}"
    first = await requested(company, idempotency_key=key)
    assert await requested(company, idempotency_key=key) == first
    other = await company.post("/reports", FIRST_QUARTER | {"format": "csv"}, idempotency_key=key)
    assert (other.status_code, other.json()["type"]) == (422, "urn:waypost:problem:key-reused")
    assert (await company.row_counts())["jobs"] == 1


async def test_members_report_on_and_see_only_their_own_data(billing: BillingService, company: Company) -> None:
    member, other = company.customer_id, await company.join()
    await invoiced(company, JANUARY, 1)
    await invoiced(company, JANUARY, 2, customer_id=other)

    async def seen(path: str, who: dict[str, str]) -> httpx.Response:
        return await billing.http.get(path, headers=who)

    as_member = company.headers(Role.MEMBER, member)
    answer = await billing.http.post("/reports", json=FIRST_QUARTER, headers=as_member)
    members_report = answer.headers["location"]
    assert (await completed(company, members_report))["result"]["lines"] == [line("2026-01", "EUR", "open", 1, 1)]
    everybodys = await requested(company)
    assert (await completed(company, everybodys))["result"]["lines"] == [line("2026-01", "EUR", "open", 2, 3)]

    stranger, rival = await billing.company(), company.headers(Role.MEMBER, other)
    for path in (members_report, file_of(members_report)):
        assert (await seen(path, as_member)).status_code == 200, path
        assert (await seen(path, company.headers(Role.ADMIN))).status_code == 200, path
        for nobody in (rival, stranger.headers(), stranger.headers(Role.MEMBER, member)):
            assert (await seen(path, nobody)).status_code == 404, path
        assert (await billing.http.get(path)).status_code == 401, path
    assert (await seen(file_of(everybodys), as_member)).status_code == 404
    assert (await billing.http.post("/reports", json=FIRST_QUARTER)).status_code == 401


async def test_another_job_has_no_report_file(company: Company) -> None:
    await company.finalized()
    [charge] = await company.rows("select job_id from job_results where name = 'charge_invoice'")
    for job_id in (charge["job_id"], new_id()):
        answer = await company.billing.http.get(f"/reports/{job_id}.csv", headers=company.headers())
        assert answer.status_code == 404
