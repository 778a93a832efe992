"""Ada signs up, receives a welcome mail, buys something and pays. One trace contains everything
that the sign-up caused.
"""

import re
import secrets
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import httpx
from rich.console import Console

from infra.demo.erasure_story import erase_a_person
from infra.demo.invitation import invite_a_colleague
from infra.demo.money_story import MoneyStory
from infra.demo.observers import Observers, SeenRecord
from infra.demo.operator_commands import rebuild_recipients
from infra.demo.own_writes import read_own_write
from infra.demo.step_printer import NotObserved, StepPrinter
from infra.demo.trace_story import find_the_trace
from infra.demo.webhook_story import Receiver, WebhookStory
from infra.stack.addresses import Addresses
from waypost.kernel.money import Money

UNIT_MINOR, QUANTITY = 12_345, 2
AMOUNT_MINOR = UNIT_MINOR * QUANTITY
PASSWORD = secrets.token_urlsafe(18)
VIEWER_SECONDS = 120
"""The stack can be up without the viewer; the last step of the story needs it."""


async def tell(stack: Addresses, console: Console) -> bool:
    """Runs the story against a running stack. Returns True if every step was observed; otherwise
    prints the step that was not.
    """
    printer = StepPrinter(console)
    async with httpx.AsyncClient(timeout=30.0) as http:
        story = Story(stack, http, printer)
        try:
            async with story.receiver.listening():
                await story.run()
        except (NotObserved, httpx.HTTPError) as problem:
            console.print(f"  [red]✗ {problem}[/red]", highlight=False)
            return False
    console.print(f"\n[bold green]{printer.observed} steps observed.[/bold green]")
    return True


class Story:
    def __init__(self, stack: Addresses, http: httpx.AsyncClient, printer: StepPrinter) -> None:
        self.stack = stack
        self.http = http
        self.printer = printer
        self.observers = Observers(stack, http)
        self.email = f"ada.{secrets.token_hex(3)}@example.com"
        self.token = self.customer_token = ""
        self.receiver = Receiver()
        self.webhooks = WebhookStory(self, self.receiver, notifications=stack.notifications)

    async def run(self) -> None:
        await self.printer.wait_for(
            "the trace viewer", self.observers.trace_viewer_is_reachable, deadline_seconds=VIEWER_SECONDS
        )
        tenant_id = await self.found_a_company()
        user_id, created = await self.sign_up(tenant_id)
        await self.verify()
        await self.log_in(tenant_id)
        await invite_a_colleague(self.send_to_users, self.observers, self.printer, self.owner, PASSWORD)
        await self.webhooks.create()
        await self.webhooks.observe(await self.pay_an_invoice(user_id))
        await self.watch_the_money()
        await self.handle_exceptional_money(user_id)
        await find_the_trace(self.stack, self.observers, self.printer, created)
        await erase_a_person(self, self.stack, UUID(tenant_id))
        await self.rebuild()

    async def found_a_company(self) -> str:
        self.printer.chapter("A company")
        self.owner = f"owner.{secrets.token_hex(3)}@example.com"
        owner = {"email": self.owner, "password": PASSWORD, "display_name": "Grace Hopper"}
        body = {"name": "Analytical Engines Ltd", "owner": owner, "join_policy": {"mode": "open"}}
        made = await self.post(f"{self.stack.users}/tenants", body)
        tenant_id: str = made.json()["tenant_id"]
        self.printer.saw(f"POST /tenants → {made.status_code}", f"tenant {tenant_id}, open to sign-ups")
        return tenant_id

    async def sign_up(self, tenant_id: str) -> tuple[str, SeenRecord]:
        """Returns the user's id and the record of `user.created`."""
        self.printer.chapter("Ada signs up")
        body = {"tenant_id": tenant_id, "email": self.email, "password": PASSWORD, "display_name": "Ada Lovelace"}
        made = await self.post(f"{self.stack.users}/signup", body)
        user_id: str = made.json()["id"]
        self.printer.saw(f"POST /signup → {made.status_code}", f"user {user_id}")

        records = await self.printer.wait_for(
            "user.created on users.user", lambda: self.observers.records("users.user", user_id)
        )
        created = records[0]
        self.printer.saw(
            f"users.user[{created.partition}] offset {created.offset}: {created.headers['ce_type']}",
            "\n".join(f"{name}: {value}" for name, value in created.headers.items()),
        )
        return user_id, created

    async def verify(self) -> None:
        welcome = await self.mail("Welcome")
        self.printer.saw(f"mail “{welcome['subject']}” in the inbox")
        asked = await self.mail("Confirm your e-mail")
        self.printer.saw(f"mail “{asked['subject']}” in the inbox")
        link = re.search(r"token=([\w.~-]+)", asked["text"])
        if link is None:
            raise NotObserved("the verification mail holds no link")
        proof = {"token": link[1], "password": PASSWORD}
        verified = await self.post(f"{self.stack.users}/verify", proof)
        self.printer.saw(f"POST /verify with the token of the mail and her password → {verified.status_code}")

    async def log_in(self, tenant_id: str) -> None:
        body = {"tenant_id": tenant_id, "email": self.owner, "password": PASSWORD}
        answer = await self.post(f"{self.stack.users}/login", body)
        token: str = answer.json()["access_token"]
        self.printer.saw(f"POST /login as the owner → {answer.status_code}")
        answer = await self.post(f"{self.stack.users}/login", body | {"email": self.email})
        self.customer_token = answer.json()["access_token"]
        self.printer.saw(f"POST /login as Ada → {answer.status_code}")
        self.token = token

    async def pay_an_invoice(self, customer_id: str) -> str:
        """Returns the invoice's id."""
        self.printer.chapter("An invoice, charged once")
        billing = self.stack.billing
        await read_own_write(
            self.send_as_customer,
            self.read_as_customer,
            self.printer,
            user=f"{self.stack.users}/users/{customer_id}",
            customer=f"{billing}/customers/{customer_id}",
        )
        attached = await self.attach_card(customer_id, "pm_card_visa")
        self.printer.saw(f"POST /customers/…/payment-methods as Ada → {attached.status_code}")
        made = await self.post(f"{billing}/invoices", {"customer_id": customer_id, "currency": "EUR"})
        invoice_id = made.json()["id"]
        line = {"description": "Difference engine, second hand", "quantity": QUANTITY, "unit_amount_minor": UNIT_MINOR}
        await self.post(f"{billing}/invoices/{invoice_id}/lines", line)
        final = await self.post(f"{billing}/invoices/{invoice_id}/finalize", {})
        self.printer.saw(f"POST /invoices, /lines, /finalize → {final.status_code}", f"number {final.json()['number']}")

        paid = await self.printer.wait_for("the invoice is paid", lambda: self.paid_invoice(invoice_id))
        self.printer.saw(f"the job charged the card: {Money(paid['amount_paid_minor'], paid['currency'])}, paid")
        charges = await self.observers.charges(f"inv-{invoice_id}")
        if [charge["amount_minor"] for charge in charges] != [AMOUNT_MINOR]:
            raise NotObserved(f"one charge of {AMOUNT_MINOR} under inv-{invoice_id}; the provider has {charges}")
        self.printer.saw(f"one charge at the provider, idempotency key inv-{invoice_id}")
        await self.printer.wait_for(
            "invoice.paid", lambda: self.record_of("billing.invoice", invoice_id, "invoice.paid")
        )
        versions = [
            record.headers["ce_sequence"] for record in await self.observers.records("billing.invoice", invoice_id)
        ]
        self.printer.saw(f"billing.invoice carries versions {', '.join(versions)} of the invoice")
        receipt = await self.mail("Receipt")
        self.printer.saw(f"mail “{receipt['subject']}” in the inbox")
        return str(invoice_id)

    async def attach_card(self, customer_id: str, card: str) -> httpx.Response:
        """Ada attaches her card herself: the owner cannot."""
        url = f"{self.stack.billing}/customers/{customer_id}/payment-methods"
        return await self.send("POST", url, {"token": card}, as_bearer=self.customer_token)

    async def watch_the_money(self) -> None:
        self.printer.chapter("The live view")
        paid = await self.printer.wait_for("the payment in the live view", self.paid_today, deadline_seconds=60)
        self.printer.saw(f"GET /revenue/live: Faust added up {Money(paid, 'EUR')} today, in the live view of billing")

    async def handle_exceptional_money(self, customer_id: str) -> None:
        money = MoneyStory(
            self,
            billing=self.stack.billing,
            payments=self.stack.url("payments"),
            customer_id=customer_id,
            attach_card=self.attach_card,
            mail_to_owner=lambda subject: self.mail(subject, to=self.owner),
            mail_to_customer=self.mail,
        )
        await money.decline_and_pay()
        await money.fail_a_refund()
        await money.refund_at_the_provider()

    async def rebuild(self) -> None:
        self.printer.chapter("A read model, rebuilt from its topic")
        report = await rebuild_recipients(self.stack)
        if not report["equal"]:
            raise NotObserved(f"the rebuilt read model equals the live one: {report}")
        self.printer.saw(
            f"notifications.recipients: {report['records']} records replayed, {report['rows']} rows, equal to the live ones"
        )

    async def mail(self, subject: str, to: str | None = None) -> dict[str, Any]:
        mails = await self.printer.wait_for(
            f"a mail “{subject}”", lambda: self.observers.mails(to or self.email, subject), deadline_seconds=30
        )
        if len(mails) != 1:
            raise NotObserved(f"one mail “{subject}”; there are {len(mails)}")
        return mails[0]

    async def paid_invoice(self, invoice_id: str) -> dict[str, Any] | None:
        invoice: dict[str, Any] = (await self.get(f"{self.stack.billing}/invoices/{invoice_id}")).json()
        return invoice if invoice.get("status") == "paid" else None

    async def paid_today(self) -> int | None:
        """The tenant is new, so every payment to it was made by this story."""
        windows = (await self.get(f"{self.stack.billing}/revenue/live?window=day")).json()["data"]
        paid: int = sum(window["paid_minor"] for window in windows)
        return paid if paid == AMOUNT_MINOR else None

    async def record_of(self, topic: str, key: str, event_type: str) -> bool:
        return any(record.headers["ce_type"] == event_type for record in await self.observers.records(topic, key))

    async def customer(self, customer_id: str) -> bool:
        return (await self.get(f"{self.stack.billing}/customers/{customer_id}")).status_code == 200

    async def post(self, url: str, body: dict[str, Any]) -> httpx.Response:
        return await self.send("POST", url, body)

    async def send_to_users(self, method: str, path: str, body: dict[str, Any]) -> httpx.Response:
        return await self.send(method, f"{self.stack.users}{path}", body)

    async def send(self, method: str, url: str, body: dict[str, Any], as_bearer: str = "") -> httpx.Response:
        """Sends the request as the bearer of the token; as the owner without one."""
        headers = self.authorization(as_bearer or self.token)
        answer = await self.http.request(method, url, json=body, headers=headers)
        if answer.is_error:
            raise NotObserved(f"{method} {url} answered {answer.status_code}: {answer.text}")
        return answer

    async def send_as_customer(self, method: str, url: str, body: dict[str, Any]) -> httpx.Response:
        return await self.send(method, url, body, as_bearer=self.customer_token)

    async def read_as_customer(self, url: str, fields: Mapping[str, str]) -> httpx.Response:
        return await self.http.get(url, headers={**self.authorization(self.customer_token), **fields})

    async def get(self, url: str) -> httpx.Response:
        return await self.http.get(url, headers=self.authorization(self.token))

    @staticmethod
    def authorization(token: str) -> dict[str, str]:
        return {"authorization": f"Bearer {token}"} if token else {}
