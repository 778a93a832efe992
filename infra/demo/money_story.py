"""A declined charge and its payment, a refund that fails, and a refund in the provider's
dashboard.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Protocol

import httpx

from infra.demo.step_printer import NotObserved, StepPrinter
from waypost.kernel.money import Money


class Requests(Protocol):
    """The requests of the story's owner."""

    printer: StepPrinter

    async def post(self, url: str, body: dict[str, Any]) -> httpx.Response: ...

    async def get(self, url: str) -> httpx.Response: ...


class MoneyStory:
    def __init__(
        self,
        requests: Requests,
        *,
        billing: str,
        payments: str,
        customer_id: str,
        attach_card: Callable[[str, str], Awaitable[Any]],
        mail_to_owner: Callable[[str], Awaitable[Any]],
        mail_to_customer: Callable[[str], Awaitable[Any]],
    ) -> None:
        self._requests = requests
        self._printer = requests.printer
        self._billing = billing
        self._payments = payments
        self._customer_id = customer_id
        self._attach_card = attach_card
        self._mail_to_owner = mail_to_owner
        self._mail_to_customer = mail_to_customer

    async def decline_and_pay(self) -> None:
        self._printer.chapter("A declined charge, and its payment")
        await self._attach("pm_card_declined")
        invoice_id = await self._finalized(9_900)
        declined = await self._printer.wait_for(
            "the decline", lambda: self._invoice(invoice_id, last_failure="card_declined")
        )
        due = datetime.fromisoformat(declined["next_attempt_at"])
        self._printer.saw(f"the card was declined; dunning charges again on {due:%d %B} (days 1, 3, 5 and 7)")
        await self._mail_to_customer("Payment failed")
        self._printer.saw("mail “Payment failed …” in the inbox")
        await self._attach("pm_card_visa")
        asked = await self._requests.post(f"{self._billing}/invoices/{invoice_id}/pay", {})
        await self._printer.wait_for("the payment", lambda: self._invoice(invoice_id, status="paid"))
        self._printer.saw(f"another card, POST /invoices/…/pay → {asked.status_code}: paid")

    async def fail_a_refund(self) -> None:
        self._printer.chapter("A refund that fails and is seen")
        await self._attach("pm_card_refund_fails")
        invoice_id = await self._finalized(4_200)
        await self._printer.wait_for("the payment", lambda: self._invoice(invoice_id, status="paid"))
        asked = await self._requests.post(f"{self._billing}/invoices/{invoice_id}/refund", {})
        failed = await self._printer.wait_for("the failed refund", lambda: self._refund(invoice_id, "failed"))
        self._printer.saw(f"POST /invoices/…/refund → {asked.status_code}; GET /refunds: failed, {failed['failure']}")
        await self._mail_to_owner("The refund for invoice")
        self._printer.saw("mail “The refund for invoice … failed” to the admin who asked for it")

    async def refund_at_the_provider(self) -> None:
        self._printer.chapter("A refund in the provider's dashboard")
        await self._attach("pm_card_visa")
        invoice_id = await self._finalized(5_000)
        await self._printer.wait_for("the payment", lambda: self._invoice(invoice_id, status="paid"))
        await self._refund_there(invoice_id, 1_500)
        refund = await self._printer.wait_for("the refund", lambda: self._refund(invoice_id, "succeeded"))
        amount = Money(refund["amount_minor"], refund["currency"])
        self._printer.saw(f"{amount} were refunded at the provider; the webhook booked them: origin {refund['origin']}")

    async def _refund_there(self, invoice_id: str, amount_minor: int) -> None:
        listed = await self._requests.get(f"{self._payments}/v1/charges?idempotency_key=inv-{invoice_id}")
        [charge] = listed.json()["data"]
        async with httpx.AsyncClient(trust_env=False) as dashboard:
            made = await dashboard.post(
                f"{self._payments}/v1/refunds",
                json={"charge": charge["id"], "amount_minor": amount_minor},
                headers={"Idempotency-Key": f"dashboard-{invoice_id}"},
            )
        if made.is_error:
            raise NotObserved(f"a refund at the provider; it answered {made.status_code}: {made.text}")

    async def _attach(self, card: str) -> None:
        await self._attach_card(self._customer_id, card)

    async def _finalized(self, amount_minor: int) -> str:
        body = {"customer_id": self._customer_id, "currency": "EUR"}
        invoice_id: str = (await self._requests.post(f"{self._billing}/invoices", body)).json()["id"]
        line = {"description": "Punched cards", "quantity": 1, "unit_amount_minor": amount_minor}
        await self._requests.post(f"{self._billing}/invoices/{invoice_id}/lines", line)
        await self._requests.post(f"{self._billing}/invoices/{invoice_id}/finalize", {})
        return invoice_id

    async def _invoice(self, invoice_id: str, **expected: str) -> dict[str, Any] | None:
        shown: dict[str, Any] = (await self._requests.get(f"{self._billing}/invoices/{invoice_id}")).json()
        return shown if all(shown.get(name) == value for name, value in expected.items()) else None

    async def _refund(self, invoice_id: str, status: str) -> dict[str, Any] | None:
        listed = await self._requests.get(f"{self._billing}/refunds?invoice_id={invoice_id}&status={status}")
        found: list[dict[str, Any]] = listed.json()["data"]
        return found[0] if found else None
