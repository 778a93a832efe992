"""Access control: roles within a tenant, and isolation between tenants."""

from uuid import uuid4

from services.billing.app import SERVICE
from services.billing.ports import Succeeded
from tests.fixtures.documents import document_of
from tests.integration.billing.service import BillingService, Company
from tests.integration.billing.subscriptions import subscribed
from waypost.kernel.ids import new_id
from waypost.kernel.role import Role
from waypost.kernel.tenant import bound_tenants
from waypost.testing.database import connected

LINE = {"description": "Loom", "quantity": 1, "unit_amount_minor": 1}


def writes(customer_id: object, invoice_id: str, subscription_id: str) -> list[tuple[str, object]]:
    """Requests that a member may not make, for the member's own things either."""
    return [
        ("/subscriptions", {"customer_id": str(customer_id), "plan": "starter"}),
        (f"/subscriptions/{subscription_id}/change", {"plan": "team"}),
        (f"/subscriptions/{subscription_id}/cancel", {}),
        (f"/subscriptions/{subscription_id}/uncancel", None),
        ("/invoices", {"customer_id": str(customer_id), "currency": "EUR"}),
        (f"/invoices/{invoice_id}/lines", LINE),
        *((f"/invoices/{invoice_id}/{act}", {}) for act in ("finalize", "void", "refund")),
    ]


def payments(customer_id: object, card_id: object, invoice_id: str) -> list[tuple[str, str, object]]:
    """Requests that a member makes for themselves: to pay."""
    cards = f"/customers/{customer_id}/payment-methods"
    return [
        ("POST", cards, {"token": "pm_card_visa"}),
        ("POST", f"{cards}/{card_id}/default", None),
        ("POST", f"/invoices/{invoice_id}/pay", None),
        ("DELETE", f"{cards}/{card_id}", None),
    ]


def reads(customer_id: object, invoice_id: str, subscription_id: str) -> list[str]:
    of_either = (f"/invoices/{invoice_id}", f"/subscriptions/{subscription_id}")
    return [f"/customers/{customer_id}", *of_either, *(f"{item}/events" for item in of_either)]


async def test_another_tenants_data_is_not_found(billing: BillingService, company: Company) -> None:
    invoice_id, other_company = await company.paid(), await billing.company()
    subscription_id = (await subscribed(company))["id"]
    before = await company.row_counts()
    for path in reads(company.customer_id, invoice_id, subscription_id):
        assert (await billing.http.get(path, headers=other_company.headers())).status_code == 404, path
    for path, body in writes(company.customer_id, invoice_id, subscription_id):
        assert (await other_company.post(path, body)).status_code == 404, path
    [card] = await company.rows("select payment_method_id from payment_methods")
    for verb, path, body in payments(company.customer_id, card["payment_method_id"], invoice_id):
        for role in (Role.MEMBER, Role.OWNER):
            answer = await other_company.ask(verb, path, body, role=role)
            assert answer.status_code == 404, (verb, path, role)
    for path in ("/invoices", "/subscriptions"):
        assert (await other_company.get(path))["data"] == [], path
    assert [item["id"] for item in (await other_company.get("/customers"))["data"]] == [str(other_company.customer_id)]
    assert await company.row_counts() == before


async def test_row_security_isolates_tenants(billing: BillingService, company: Company) -> None:
    await company.paid()
    await subscribed(company)
    tables = (
        "subscriptions.subscriptions",
        "customers.customers",
        "customers.cards",
        "invoices.invoices",
        "invoices.invoice_lines",
        "ledger.postings",
    )
    async with connected(billing.where.app) as unbound:
        for table in (*tables, "events", "payment_methods", "payment_attempts", "invoice_numbers", "job_results"):
            assert await unbound.fetchval(f"select count(*) from {table}") == 0, table
    await billing.runtime.database.verify()


async def test_members_only_read_their_own_data(billing: BillingService, company: Company) -> None:
    subscription = await subscribed(company)
    invoice_id, subscription_id = subscription["invoice_id"], subscription["id"]
    member = company.headers(Role.MEMBER, company.customer_id)
    other = company.headers(Role.MEMBER, await company.join())
    for path, body in writes(company.customer_id, invoice_id, subscription_id):
        assert (await billing.http.post(path, json=body, headers=member)).status_code == 403, path
    for path in reads(company.customer_id, invoice_id, subscription_id):
        assert (await billing.http.get(path, headers=member)).status_code == 200, path
        assert (await billing.http.get(path, headers=other)).status_code == 404, path
    assert (await billing.http.get("/customers", headers=member)).status_code == 403
    for path in ("/invoices", "/subscriptions"):
        listed = [(await billing.http.get(path, headers=who)).json()["data"] for who in (member, other)]
        assert [len(item) for item in listed] == [1, 0], path
    assert (await billing.http.get("/plans", headers=other)).status_code == 200


async def test_no_filter_of_a_list_shows_a_member_other_things_than_asked(
    billing: BillingService, company: Company
) -> None:
    """A member who asks for another customer's things gets none: neither these nor their own."""
    mine = await subscribed(company)
    other = Company(billing, company.tenant_id)
    other.customer_id = await company.join()
    await other.attach_card()
    theirs = await subscribed(other)
    for customer, subscription in ((company, mine), (other, theirs)):
        await refund_requested(customer, subscription["invoice_id"])
    member = company.headers(Role.MEMBER, company.customer_id)
    for path, name in list_filters():
        for wanted, count in ((mine, 1), (theirs, 0)):
            value = wanted["id"] if name == "subscription_id" else wanted[name]
            for who, seen in ((member, count), (company.headers(), 1)):
                page = (await billing.http.get(path, params={name: value}, headers=who)).json()["data"]
                assert len(page) == seen, (path, name, value)


async def refund_requested(customer: Company, invoice_id: str) -> None:
    charge_id = f"ch_{invoice_id}"
    await customer.decide(await customer.begin_charge(invoice_id), Succeeded(provider_id=charge_id))
    assert (await customer.post(f"/invoices/{invoice_id}/refund", {})).status_code == 202


def list_filters() -> list[tuple[str, str]]:
    """Each filter by an id of each list of the service. A new one is included automatically."""
    found = [
        (path, parameter["name"])
        for path, verbs in document_of(SERVICE.name)["paths"].items()
        for parameter in verbs.get("get", {}).get("parameters", ())
        if parameter["in"] == "query" and parameter["name"].endswith("_id") and not path.startswith("/ops/")
    ]
    assert len(found) == 4, f"{found}: say what each new filter selects"
    return found


async def test_a_request_without_a_token_gets_no_data(billing: BillingService) -> None:
    for path in (
        "/customers",
        "/plans",
        "/invoices",
        "/subscriptions",
        f"/subscriptions/{uuid4()}",
        f"/invoices/{uuid4()}",
        f"/jobs/{uuid4()}",
    ):
        answer = await billing.http.get(path)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer"), path
    assert (await billing.http.post("/invoices", json={})).status_code == 401


async def test_customers_are_listed_with_their_cards(company: Company) -> None:
    second = await company.join()
    await company.attach_card("pm_card_slow")
    pages = [await company.get("/customers", limit=1)]
    pages.append(await company.get("/customers", limit=1, cursor=pages[0]["next_cursor"]))
    first, last = (page["data"][0] for page in pages)
    assert (first["id"], last["id"]) == (str(company.customer_id), str(second))
    assert [(card["brand"], card["last4"]) for card in first["payment_methods"]] == [
        ("visa", "4242"),
        ("mastercard", "5100"),
    ]
    assert last["payment_methods"] == []
    assert await company.get(f"/customers/{second}") == last


async def test_a_job_is_visible_to_its_requester_and_admins(billing: BillingService, company: Company) -> None:
    asker, invoice_id = new_id(), new_id()
    with bound_tenants([company.tenant_id]):
        async with billing.bus.units.begin() as uow:
            job_id = await uow.jobs.enqueue("charge_invoice", owner_id=asker, invoice_id=invoice_id)
    path = f"/jobs/{job_id}"
    assert await company.get(path) == {
        "id": str(job_id),
        "name": "charge_invoice",
        "status": "queued",
        "progress": 0,
        "result": None,
        "error": None,
        "attempts": 0,
        "outages": 0,
    }
    other_company = await billing.company()
    answers = [
        await billing.http.get(path, headers=headers)
        for headers in (
            company.headers(Role.MEMBER, asker),
            company.headers(Role.MEMBER),
            other_company.headers(),
            other_company.headers(Role.MEMBER, asker),
        )
    ]
    assert [answer.status_code for answer in answers] == [200, 404, 404, 404]
