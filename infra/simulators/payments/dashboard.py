"""What happens at the provider without an order: a returned refund, a dispute and its decision."""

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from infra.simulators.database import Database
from infra.simulators.payments.bodies import Minor
from infra.simulators.payments.charges import get_charge
from infra.simulators.payments.disputes import close_dispute, open_dispute
from infra.simulators.payments.refunds import fail_refund
from infra.simulators.payments.tables import stamp
from infra.simulators.payments.webhook_sender import WebhookSender
from infra.simulators.payments.webhooks import enqueue_webhook
from waypost.kernel.clock import Clock


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class RefundFailure(_Body):
    failure_code: str = "lost_or_stolen_card"


class NewDispute(_Body):
    charge: str
    amount_minor: Minor | None = None
    reason: str = "fraudulent"


class DisputeDecision(_Body):
    status: Literal["won", "lost"]


def create_dashboard(database: Database, clock: Clock, sender: WebhookSender | None) -> APIRouter:
    router = APIRouter(prefix="/v1")

    async def decided(event_type: str, act: Any) -> dict[str, Any]:
        now = stamp(clock.now())

        def recorded(connection: Any) -> dict[str, Any]:
            subject: dict[str, Any] = act(connection, now)
            enqueue_webhook(connection, event_type, subject, now)
            return subject

        subject = await database.transaction(recorded)
        if sender is not None:
            sender.wake()
        return subject

    @router.post("/refunds/{refund_id}/fail")
    async def return_refund(refund_id: str, body: RefundFailure) -> dict[str, Any]:
        """The bank returns a refund that had succeeded."""
        return await decided("refund.failed", lambda rows, _: fail_refund(rows, refund_id, body.failure_code))

    @router.post("/disputes", status_code=201)
    async def dispute_charge(body: NewDispute) -> dict[str, Any]:
        """The cardholder disputes a charge: the provider withdraws the amount."""
        return await decided(
            "charge.dispute.created",
            lambda rows, now: open_dispute(rows, get_charge(rows, body.charge), body.amount_minor, body.reason, now),
        )

    @router.post("/disputes/{dispute_id}/close")
    async def decide_dispute(dispute_id: str, body: DisputeDecision) -> dict[str, Any]:
        """The bank decides: a won dispute returns the amount."""
        return await decided("charge.dispute.closed", lambda rows, _: close_dispute(rows, dispute_id, body.status))

    return router
