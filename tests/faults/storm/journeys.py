"""User journeys: each is a chain of operations, abandoned at the first one that is not
acknowledged.
"""

import re
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from services.billing.domain.customer import MAX_CARDS
from tests.faults.storm.caller import Answer
from tests.faults.storm.people import PASSWORD, People, Tenant
from tests.faults.storm.promises.commands import CAUSES, ORDERS

CURRENCIES = ("EUR", "USD", "JPY")
GOOD_CARDS = ("pm_card_visa",) * 6 + ("pm_card_unavailable_once", "pm_card_timeout_after_charge")
BAD_CARDS = ("pm_card_declined", "pm_card_insufficient_funds")

Journey = Callable[[People], Coroutine[Any, Any, None]]


async def open_tenant(people: People) -> None:
    owner = people.address("owner")
    person = {"email": owner, "password": PASSWORD, "display_name": "Grace Hopper"}
    policy = {"join_policy": {"mode": "open"}} if people.has_join_policies else {}
    body = {"name": f"Engines {owner}", "owner": person, **policy}
    made = await people.caller.ask("open_tenant", f"{people.at.users}/tenants", body, tenant=None)
    if made:
        tenant = Tenant(id=made["tenant_id"], owner=owner, people=[made["owner_id"]])
        people.tenants.append(tenant)
        await _verify(people, tenant, owner)


async def join(people: People) -> None:
    if not people.has_join_policies:
        return
    tenant, email = people.random_tenant, people.address("person")
    body = {"tenant_id": tenant.id, "email": email, "password": PASSWORD, "display_name": "Ada Lovelace"}
    made = await people.caller.ask("sign_up", f"{people.at.users}/signup", body, tenant=tenant.id)
    if made:
        tenant.people.append(made["id"])
        await _verify(people, tenant, email)


async def buy_and_refund(people: People) -> None:
    tenant = people.random_tenant
    invoice = await _finalized(people, tenant, people.dice.choice(GOOD_CARDS))
    if invoice is None or people.dice.random() < 0.5:
        return
    paid = await people.see_payment(tenant, invoice, lambda seen: seen["status"] == "paid")
    if paid:
        all_of_it = people.dice.random() < 0.5
        body = {} if all_of_it else {"amount_minor": max(paid["total_minor"] // 3, 1)}
        await people.act("refund", tenant, invoice, body)


async def be_declined_and_pay(people: People) -> None:
    tenant = people.random_tenant
    invoice = await _finalized(people, tenant, people.dice.choice(BAD_CARDS))
    if invoice is None:
        return
    failed = await people.see_payment(tenant, invoice, lambda seen: seen["last_failure"])
    if failed and await _attach(people, tenant, failed["customer_id"], people.dice.choice(GOOD_CARDS)):
        await people.act("pay", tenant, invoice)


async def finalize_and_void(people: People) -> None:
    tenant = people.random_tenant
    invoice = await _finalized(people, tenant, None)
    if invoice:
        await people.act("void", tenant, invoice)


async def send_invalid_request(people: People) -> None:
    """Sends a request that must be refused and leave no effect."""
    tenant, other = people.random_tenant, people.random_tenant
    if other is tenant or not other.invoices:
        body = {"customer_id": people.dice.choice(tenant.people), "currency": "no currency"}
        await people.ask("invoice_without_currency", tenant, "/invoices", body)
    else:
        invoice = people.dice.choice(other.invoices)
        await people.ask("void_of_another_tenant", tenant, f"/invoices/{invoice}/void")


async def _finalized(people: People, tenant: Tenant, card: str | None) -> str | None:
    # Cards are attached by their customer, and the requests are the owner's.
    customer = tenant.people[0] if card else people.dice.choice(tenant.people)
    ready = _attach(people, tenant, customer, card) if card else _is_customer(people, tenant, customer)
    if not await ready:
        return None
    body = {"customer_id": customer, "currency": people.dice.choice(CURRENCIES)}
    made = await people.ask("create_invoice", tenant, "/invoices", body)
    if made is None:
        return None
    invoice: str = made["id"]
    for _ in range(people.dice.randint(1, 3)):
        price = {"quantity": people.dice.randint(1, 5), "unit_amount_minor": people.dice.randint(1, 90_000)}
        if await people.act("lines", tenant, invoice, {"description": "Difference engine", **price}) is None:
            return None
    if await people.act("finalize", tenant, invoice) is None:
        return None
    tenant.invoices.append(invoice)
    return invoice


async def _attach(people: People, tenant: Tenant, customer: str, card: str) -> Answer | None:
    seen: Answer | None = await _is_customer(people, tenant, customer)
    if not seen or len(seen["payment_methods"]) >= MAX_CARDS:
        return seen  # an older release attaches the same card again as another one
    return await people.ask("attach_card", tenant, f"/customers/{customer}/payment-methods", {"token": card})


async def _is_customer(people: People, tenant: Tenant, user: str) -> Any:
    """Waits until billing knows the user."""
    return await people.see(tenant, f"/customers/{user}", bool)


async def _verify(people: People, tenant: Tenant, email: str) -> None:
    """Uses the token of the mail, and the password of the sign-up."""
    inbox = f"{people.at.url('mail')}/api/messages"
    listed = await people.until(
        "the inbox", lambda: people.caller.look(inbox, to=email, subject="Confirm"), lambda found: found["data"]
    )
    mail = listed and await people.caller.look(f"{inbox}/{listed['data'][0]['id']}")
    link = mail and re.search(r"token=([\w.~-]+)", mail["text"])
    if link:
        url, body = f"{people.at.users}/verify", {"token": link[1]}
        proof = {**body, "password": PASSWORD}
        if not await people.caller.ask("verify", url, proof, tenant=tenant.id, keyed=False):
            # An older release refuses the password, and this one the link alone.
            await people.caller.ask("verify", url, body, tenant=tenant.id, keyed=False)


async def forget_password(people: People) -> None:
    """Names an address that no user has: a job runs, and changes nothing."""
    tenant = people.random_tenant
    body = {"tenant_id": tenant.id, "email": people.address("unknown")}
    url = f"{people.at.users}/password/forgot"
    await people.caller.ask("forgot_password", url, body, tenant=tenant.id, keyed=False)


async def read_notification(people: People) -> None:
    tenant, at = people.random_tenant, people.at.notifications
    listed = await people.until(
        "GET /notifications", lambda: people.look(tenant, "/notifications", at=at), lambda found: found["data"]
    )
    own = [each["id"] for each in (listed or {}).get("data", ()) if each["recipient_id"] == tenant.people[0]]
    if own:
        path = f"/notifications/{people.dice.choice(own)}/read"
        await people.ask("read_notification", tenant, path, at=at, keyed=False)


async def draft_invoice(people: People) -> None:
    tenant = people.tenants[0]
    if await _is_customer(people, tenant, tenant.people[0]):
        await people.ask("create_invoice", tenant, "/invoices", {"customer_id": tenant.people[0], "currency": "EUR"})


Journeys = list[tuple[Journey, int]]
"""Journeys and their weights."""

JOURNEYS: Journeys = [
    (open_tenant, 3),
    (join, 25),
    (buy_and_refund, 45),
    (be_declined_and_pay, 15),
    (finalize_and_void, 7),
    (send_invalid_request, 5),
]


JOURNEYS_OF_UPGRADE: Journeys = [
    (open_tenant, 6),
    (join, 21),
    (buy_and_refund, 34),
    (be_declined_and_pay, 14),
    (finalize_and_void, 7),
    (send_invalid_request, 4),
    (forget_password, 7),
    (read_notification, 7),
]
"""They give work to every process."""

OPERATIONS_OF_UPGRADE = (*CAUSES, *ORDERS, "attach_card", "forgot_password", "read_notification")
"""Names of the operations of these journeys, without the invalid ones."""

VISITS: Mapping[str, Journey] = {
    "users-jobs": forget_password,
    "users-api": forget_password,
    "billing-api": draft_invoice,
    "notifications-api": read_notification,
}
"""A short journey that gives work to this process: to each API, and where the others are rare."""


def next_journey(people: People, journeys: Journeys) -> Journey:
    if not people.tenants:
        return open_tenant
    return people.dice.choices([each for each, _ in journeys], [weight for _, weight in journeys])[0]
