"""Tax rates over HTTP, and tax from the line to the charge, the ledger and the refund."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.billing.handlers import tax_rates
from services.billing.ports import Succeeded
from tests.integration.billing.renewals import renew
from tests.integration.billing.reports import report
from tests.integration.billing.service import BillingService, Company, Row
from tests.integration.billing.subscriptions import invoices_of, subscribed
from tests.integration.billing.taxes import line, rate, taxed_draft
from waypost.kernel.role import Role


async def test_a_rate_is_created_listed_and_archived(company: Company) -> None:
    made = await company.post("/tax-rates", {"name": "VAT", "percentage": "8.8750", "inclusive": True})
    first = made.json()
    assert (made.status_code, made.headers["location"]) == (201, f"/tax-rates/{first['id']}")
    assert (first["percentage"], first["inclusive"], first["is_default"], first["archived"]) == (
        "8.875",
        True,
        False,
        False,
    )
    second = await rate(company, "19")
    assert await company.get(f"/tax-rates/{first['id']}") == first
    archived = (await company.post(f"/tax-rates/{first['id']}/archive")).json()
    assert archived["archived"]
    assert (await company.post(f"/tax-rates/{first['id']}/archive")).json() == archived
    page = await company.get("/tax-rates", limit=1)
    assert page["data"] == [second]
    assert (await company.get("/tax-rates", limit=1, cursor=page["next_cursor"]))["data"] == [archived]
    assert (await company.get("/tax-rates", archived="false"))["data"] == [second]
    assert (await company.get("/tax-rates", archived="true"))["data"] == [archived]


@pytest.mark.parametrize(
    "change",
    [
        *({"percentage": value} for value in (19, 19.0, "-1", "100.1", "101", "1.00001", "1e1", "1,5", "", " 19", "٣")),
        *({"inclusive": value} for value in ("true", 1, None)),
        *({"name": value} for value in ("", "VAT\nBcc: x", "V" * 201, None)),
        {"is_default": True},
    ],
    ids=str,
)
async def test_a_rate_of_another_shape_is_refused(company: Company, change: dict[str, Any]) -> None:
    refused = await company.post("/tax-rates", {"name": "VAT", "percentage": "19", "inclusive": False} | change)
    assert refused.status_code == 422, refused.text


async def test_members_and_other_tenants_have_no_rates(billing: BillingService, company: Company) -> None:
    mine, other_company = await rate(company), await billing.company()
    requests = [("GET", ""), ("POST", "/archive"), ("POST", "/default"), ("DELETE", "/default")]
    for verb, act in requests:
        path = f"/tax-rates/{mine['id']}{act}"
        assert (await company.ask(verb, path)).status_code == 403, act
        assert (await other_company.ask(verb, path, role=Role.OWNER)).status_code == 404, act
    assert (await company.ask("GET", "/tax-rates")).status_code == 403
    assert (await other_company.get("/tax-rates"))["data"] == []
    foreign = await other_company.post(f"/invoices/{await other_company.draft()}/lines", line(100, mine))
    assert (foreign.status_code, foreign.json()["type"]) == (422, "urn:waypost:problem:tax-rate-unknown")
    assert await company.get(f"/tax-rates/{mine['id']}") == mine


async def test_lines_copy_their_rate_and_the_invoice_sums_it(company: Company) -> None:
    vat, reduced = await rate(company), await rate(company, "7", inclusive=True, name="Reduced VAT")
    invoice_id = await taxed_draft(company, (10_000, vat), (10_700, reduced), (1_000, None))
    path = f"/invoices/{invoice_id}"
    for each in (vat, reduced):
        await company.post(f"/tax-rates/{each['id']}/archive")
    for each, status, problem in (
        (vat, 409, "tax-rate-archived"),
        ({"id": str(uuid4())}, 422, "tax-rate-unknown"),
    ):
        refused = await company.post(f"{path}/lines", line(1, each))
        assert (refused.status_code, refused.json()["type"]) == (status, f"urn:waypost:problem:{problem}")
    final = (await company.post(f"{path}/finalize")).json()
    assert (final["subtotal_minor"], final["tax_minor"], final["total_minor"]) == (21_000, 2_600, 23_600)
    assert [(tax["name"], tax["percentage"], tax["net_minor"], tax["tax_minor"]) for tax in final["taxes"]] == [
        ("VAT", "19", 10_000, 1_900),
        ("Reduced VAT", "7", 10_000, 700),
    ]
    assert [each["amount_minor"] for each in final["lines"]] == [11_900, 10_700, 1_000]
    assert [each["tax"] and each["tax"]["tax_minor"] for each in final["lines"]] == [1_900, 700, None]
    assert await company.get(path) == final
    [listed] = (await company.get("/invoices"))["data"]
    assert (listed["subtotal_minor"], listed["tax_minor"], listed["total_minor"]) == (21_000, 2_600, 23_600)


async def test_the_total_with_tax_is_charged_and_refunded_in_parts(company: Company) -> None:
    invoice_id = await taxed_draft(company, (10_000, await rate(company)))
    path = f"/invoices/{invoice_id}"
    await company.post(f"{path}/finalize")
    await company.decide(await company.begin_charge(invoice_id), Succeeded(provider_id="ch_1"))
    [attempt] = await company.rows("select amount_minor from payment_attempts")
    assert attempt["amount_minor"] == 11_900
    assert await balances(company) == {"cash": 11_900, "revenue": -10_000, "tax": -1_900}
    for amount, tax_left in ((3_333, 1_368), (8_567, 0)):
        assert (await company.post(f"{path}/refund", {"amount_minor": amount})).status_code == 202
        [pending] = await company.rows("select id from payment_attempts where status = 'pending'")
        await company.decide(pending["id"], Succeeded(provider_id=f"re_{amount}"))
        assert (await balances(company)).get("tax", 0) == -tax_left
        shown = await company.get(path)
        assert (shown["tax_minor"], shown["refunded_tax_minor"]) == (1_900, 1_900 - tax_left)
    [listed] = (await company.get("/invoices"))["data"]
    assert listed["refunded_tax_minor"] == 1_900
    today = f"{company.billing.clock.now():%Y-%m-%d}"
    [shown] = (await report(company, {"kind": "revenue", "from": today, "to": today}))["lines"]
    assert (shown["tax_minor"], shown["refunded_minor"], shown["refunded_tax_minor"]) == (1_900, 11_900, 1_900)
    assert await balances(company) == {"revenue": -10_000, "refunds": 10_000}


async def test_subscriptions_are_invoiced_with_the_default_rate(company: Company) -> None:
    subscription = await subscribed(company)
    vat, other = await rate(company), await rate(company, "7", inclusive=True)
    made: Row = {}
    for each in (other, vat):
        made = (await company.post(f"/tax-rates/{each['id']}/default")).json()
        assert (made["is_default"], made["changed_by"]) == (True, str(company.owner_id))
        assert (await company.post(f"/tax-rates/{each['id']}/default")).json() == made, "a repeated call"
    before = await company.get(f"/tax-rates/{other['id']}")
    assert (other["changed_by"], before["changed_by"], before["changed_at"]) == (
        None,
        str(company.owner_id),
        made["changed_at"],
    )
    shown = {each["id"]: each["is_default"] for each in (await company.get("/tax-rates"))["data"]}
    assert shown == {vat["id"]: True, other["id"]: False}
    kept = await company.post(f"/tax-rates/{vat['id']}/archive")
    assert (kept.status_code, kept.json()["type"]) == (409, "urn:waypost:problem:tax-rate-is-default")
    assert await renew(company, subscription)
    removed = await company.billing.http.delete(f"/tax-rates/{vat['id']}/default", headers=company.headers())
    assert not removed.json()["is_default"]
    assert await renew(company, subscription)
    found = [(each["total_minor"], each["tax_minor"]) for each in await invoices_of(company, subscription)]
    assert found == [(1_900, 0), (2_261, 361), (1_900, 0)]


async def test_a_report_states_the_tax(company: Company) -> None:
    await company.post(f"/invoices/{await taxed_draft(company, (10_000, await rate(company)))}/finalize")
    await company.finalized(500)
    today = f"{company.billing.clock.now():%Y-%m-%d}"
    [shown] = (await report(company, {"kind": "revenue", "from": today, "to": today}))["lines"]
    assert (shown["invoices"], shown["invoiced_minor"], shown["tax_minor"]) == (2, 12_400, 1_900)


async def test_limits_hold_for_concurrent_requests(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tax_rates, "MAX_ACTIVE", 3)
    monkeypatch.setattr(tax_rates, "MAX_ARCHIVED", 2)
    body = {"name": "VAT", "percentage": "19", "inclusive": False}
    answers = await asyncio.gather(*(company.post("/tax-rates", body) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201, 201, 201, 409, 409, 409]
    made = sorted(answer.json()["id"] for answer in answers if answer.status_code == 201)
    defaults = await asyncio.gather(*(company.post(f"/tax-rates/{each}/default") for each in made))
    assert {answer.status_code for answer in defaults} == {200}
    [default] = await company.rows("select tax_rate_id from tax_rates where is_default")
    await company.ask("DELETE", f"/tax-rates/{default['tax_rate_id']}/default", role=Role.OWNER)
    for each in made:
        assert (await company.post(f"/tax-rates/{each}/archive")).status_code == 200
    left = await company.rows("select tax_rate_id from tax_rates order by tax_rate_id")
    assert [row["tax_rate_id"] for row in left] == [UUID(each) for each in made[1:]]


async def test_a_line_without_a_rate_reads_no_rates(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    async def read(*_: object) -> None:
        raise AssertionError("the table of rates was read")

    vat = await rate(company)
    monkeypatch.setattr(tax_rates, "tax_rate", read)
    path = f"/invoices/{await company.draft()}/lines"
    assert (await company.post(path, line(100, None))).status_code == 201
    assert (await company.post(path, line(100, vat))).status_code == 500


async def balances(company: Company) -> dict[str, int]:
    rows = await company.rows("select account, sum(amount_minor) as sum from postings group by account")
    assert sum(row["sum"] for row in rows) == 0
    return {row["account"]: int(row["sum"]) for row in rows if row["sum"]}
