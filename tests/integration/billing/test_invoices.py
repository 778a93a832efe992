"""Invoices over HTTP, from the draft to finalization and void."""

from typing import Any
from uuid import uuid4

import pytest

from tests.integration.billing.service import Company


async def test_an_invoice_is_created_filled_and_finalized(company: Company) -> None:
    made = await company.post("/invoices", {"customer_id": str(company.customer_id), "currency": "EUR"})
    draft = made.json()
    path = f"/invoices/{draft['id']}"
    assert (made.status_code, made.headers["location"], made.headers["etag"]) == (201, path, '"1"')
    assert (draft["status"], draft["number"], draft["total_minor"], draft["lines"]) == ("draft", None, 0, [])

    line = {"description": "  Difference engine ", "quantity": 2, "unit_amount_minor": 12_345}
    added = (await company.post(f"{path}/lines", line)).json()
    [shown] = added["lines"]
    assert (shown["description"], shown["amount_minor"], added["total_minor"]) == ("Difference engine", 24_690, 24_690)

    final = await company.post(f"{path}/finalize", {})
    invoice = final.json()
    assert (final.status_code, final.headers["etag"]) == (200, '"3"')
    assert (invoice["status"], invoice["number"], invoice["amount_paid_minor"]) == ("open", 1, 0)
    assert await company.event_types(draft["id"]) == ["invoice.created", "invoice.line_added", "invoice.finalized"]


@pytest.mark.parametrize("step", ["draft", "finalized", "paid"])
async def test_a_read_invoice_equals_the_commands_response(company: Company, step: str) -> None:
    invoice_id = await {"draft": company.draft, "finalized": company.finalized, "paid": company.paid}[step](5, 7)
    path = f"/invoices/{invoice_id}"
    read = await company.billing.http.get(path, headers=company.headers())
    act = {"draft": "finalize", "finalized": "void", "paid": "refund"}[step]
    answered = await company.post(f"{path}/{act}", {}, if_match=read.headers["etag"])
    assert answered.is_success, answered.text
    assert (await company.get(path)) == answered.json()


async def test_the_number_and_the_lines_are_final(company: Company) -> None:
    path = f"/invoices/{await company.finalized()}"
    line = {"description": "More", "quantity": 1, "unit_amount_minor": 1}
    for answer in (await company.post(f"{path}/finalize", {}), await company.post(f"{path}/lines", line)):
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:waypost:problem:invoice-not-draft")


async def test_an_empty_invoice_cannot_be_finalized(company: Company) -> None:
    path = f"/invoices/{await company.draft()}"
    assert (await company.post(f"{path}/finalize", {})).status_code == 409
    assert await company.rows("select * from invoice_numbers") == []


async def test_a_total_above_the_maximum_is_refused(company: Company) -> None:
    path = f"/invoices/{await company.draft(10**15)}"
    refused = await company.post(f"{path}/lines", {"description": "More", "quantity": 1, "unit_amount_minor": 1})
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:waypost:problem:total-too-large")
    assert (await company.post(f"{path}/finalize", {})).json()["total_minor"] == 10**15


async def test_a_void_invoice_keeps_its_number(company: Company) -> None:
    path = f"/invoices/{await company.finalized()}"
    void = (await company.post(f"{path}/void")).json()
    assert (void["status"], void["number"]) == ("void", 1)
    assert (await company.post(f"{path}/void")).status_code == 409
    assert (await company.post(f"{path}/pay")).status_code == 409


async def test_a_stale_if_match_changes_nothing(company: Company) -> None:
    path = f"/invoices/{await company.draft(100)}"
    line = {"description": "More", "quantity": 1, "unit_amount_minor": 1}
    stale, seen = '"1"', '"2"'
    assert (await company.post(f"{path}/lines", line, if_match=stale)).status_code == 412
    assert (await company.post(f"{path}/finalize", {}, if_match=stale)).status_code == 412
    assert (await company.post(f"{path}/finalize", {}, if_match=seen)).status_code == 200
    for act in ("pay", "void", "refund"):
        assert (await company.post(f"{path}/{act}", {}, if_match=seen)).status_code == 412, act
    assert (await company.get(path))["version"] == 3


async def test_a_repeated_request_has_one_effect(company: Company) -> None:
    body = {"customer_id": str(company.customer_id), "currency": "EUR"}
    first, second = [await company.post("/invoices", body, idempotency_key="one-invoice") for _ in range(2)]
    assert first.json() == second.json()
    assert second.headers["idempotent-replayed"] == "true"
    path = f"/invoices/{first.json()['id']}"
    line = {"description": "Loom", "quantity": 3, "unit_amount_minor": 100}
    for act, sent in (("lines", line), ("finalize", None), ("pay", None)):
        answers = [await company.post(f"{path}/{act}", sent, idempotency_key="once-and-again") for _ in range(2)]
        assert answers[0].is_success, answers[0].text
        assert answers[0].json() == answers[1].json()
    assert await company.event_types(first.json()["id"]) == [
        "invoice.created",
        "invoice.line_added",
        "invoice.finalized",
    ]
    assert len(await company.rows("select * from payment_attempts")) == 1
    other = await company.post("/invoices", {**body, "currency": "USD"}, idempotency_key="one-invoice")
    assert other.status_code == 422


async def test_invoices_are_listed_newest_first_and_filtered(company: Company) -> None:
    ids = [await company.draft(1), await company.finalized(2), await company.paid(3), await company.draft(4)]
    pages = [await company.get("/invoices", limit=3)]
    pages.append(await company.get("/invoices", limit=3, cursor=pages[0]["next_cursor"]))
    assert [value["id"] for page in pages for value in page["data"]] == ids[::-1]
    assert [page["has_more"] for page in pages] == [True, False]
    assert "lines" not in pages[0]["data"][0]

    drafts = await company.get("/invoices", status="draft")
    assert [value["id"] for value in drafts["data"]] == [ids[3], ids[0]]
    nobodys = await company.get("/invoices", customer_id=str(uuid4()))
    assert nobodys["data"] == []


async def test_a_body_of_another_shape_is_refused(company: Company) -> None:
    line: dict[str, Any] = {"description": "Loom", "quantity": 1, "unit_amount_minor": 1}
    invoice: dict[str, Any] = {"customer_id": str(company.customer_id), "currency": "EUR"}
    path = f"/invoices/{await company.draft(1)}"
    bad: list[tuple[str, Any]] = [
        *(("/invoices", invoice | {"currency": value}) for value in ("eur", "EURO", "XXQ", "XAU", "BGN", "", None, 1)),
        *(("/invoices", invoice | {"customer_id": value}) for value in ("x", None, 1)),
        ("/invoices", None),
        ("/invoices", []),
        ("/invoices", {}),
        ("/invoices", invoice | {"number": 1}),
        *((f"{path}/lines", line | {"quantity": value}) for value in (0, -1, 1.5, 2**63, "many", None)),
        *((f"{path}/lines", line | {"unit_amount_minor": value}) for value in (-1, 0.5, 2**63, None)),
        *((f"{path}/lines", line | {"description": value}) for value in ("", " ", "a\0b", "x" * 201, None)),
        (f"{path}/lines", line | {"quantity": 2**40, "unit_amount_minor": 2**40}),
        *((f"{path}/refund", {"amount_minor": value}) for value in (0, -1, 1.5)),
        (f"{path}/refund", {"reason": "regret"}),
        *((f"/customers/{company.customer_id}/payment-methods", {"token": value}) for value in ("", "../x", "a b", 1)),
    ]
    for where, body in bad:
        answer = await company.post(where, body)
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), (where, body)
    for where in ("/invoices/x", "/customers/x", "/jobs/x"):
        assert (await company.billing.http.get(where, headers=company.headers())).status_code == 422
