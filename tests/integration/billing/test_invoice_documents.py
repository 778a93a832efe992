"""The PDF of an invoice over HTTP."""

from uuid import uuid4

import pytest

from schemas.users import TenantCreated
from services.billing.adapters import invoice_documents
from tests.integration.billing.renewals import erase
from tests.integration.billing.service import BillingService, Company
from tests.integration.billing.taxes import rate, taxed_draft
from tests.unit.billing.documents import text_of
from waypost.kernel.role import Role
from waypost.testing.envelopes import envelope_of


async def pdf_of(company: Company, invoice_id: str) -> bytes:
    answer = await company.ask("GET", f"/invoices/{invoice_id}/pdf")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/pdf"
    return answer.content


async def test_the_customer_gets_the_pdf_of_the_seller(billing: BillingService, company: Company) -> None:
    at = billing.clock.now()
    opened = TenantCreated(tenant_id=company.tenant_id, name="Analytical Engines", created_at=at)
    await billing.deliver(envelope_of(opened, company.tenant_id, 1, at=at), to="tenants")
    invoice_id = await taxed_draft(company, (10_000, await rate(company)))
    draft = await company.ask("GET", f"/invoices/{invoice_id}/pdf")
    assert (draft.status_code, draft.json()["type"]) == (409, "urn:waypost:problem:invoice-is-draft")
    await company.post(f"/invoices/{invoice_id}/finalize")
    pdf = await pdf_of(company, invoice_id)
    assert pdf == await pdf_of(company, invoice_id)
    for shown in ("Invoice 1", "Analytical Engines", "Ada Lovelace", "VAT 19 %", "19.00 EUR", "119.00 EUR", "open"):
        assert shown in text_of(pdf), shown
    named = await company.ask("GET", f"/invoices/{invoice_id}/pdf")
    assert named.headers["content-disposition"] == 'attachment; filename="invoice-1.pdf"'


async def test_only_its_customer_and_admins_get_a_pdf(billing: BillingService, company: Company) -> None:
    path, other_company = f"/invoices/{await company.finalized()}/pdf", await billing.company()
    assert (await company.ask("GET", path, role=Role.ADMIN, user_id=uuid4())).status_code == 200
    assert (await company.ask("GET", path, user_id=uuid4())).status_code == 404
    assert (await other_company.ask("GET", path, role=Role.OWNER)).status_code == 404
    assert (await company.ask("GET", f"/invoices/{uuid4()}/pdf")).status_code == 404


async def test_an_erased_buyer_is_in_no_pdf(company: Company) -> None:
    invoice_id = await company.paid()
    assert "Ada Lovelace" in text_of(await pdf_of(company, invoice_id))
    await erase(company)
    answer = await company.ask("GET", f"/invoices/{invoice_id}/pdf", role=Role.OWNER, user_id=company.owner_id)
    text = text_of(answer.content)
    assert "(erased person)" in text
    for gone in ("Ada Lovelace", "example.com", "Difference engine"):
        assert gone not in text


async def test_pdfs_are_bounded_per_tenant(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"/invoices/{await company.finalized()}/pdf"
    monkeypatch.setattr(invoice_documents, "MAX_PER_TENANT", 0)  # the limit of waiting documents
    refused = await company.ask("GET", path)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
    assert refused.json()["type"] == "urn:waypost:problem:unavailable"
