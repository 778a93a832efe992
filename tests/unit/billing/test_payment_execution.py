"""When a job leaves its payment attempt to the sweep. An outage of the provider uses no attempt of
the job, so that `max_attempts` does not end it.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import cast

import httpx
import pytest

from services.billing.adapters.provider import HttpPayments
from services.billing.domain import AttemptStatus
from services.billing.jobs import JOBS
from services.billing.jobs.payment_execution import MAX_EXECUTIONS, execute_or_leave_pending
from services.billing.jobs.provider_request import ProviderRequest
from services.billing.ports import (
    ChargeOrder,
    InvoiceDocuments,
    OutcomeUnknown,
    ProviderUnavailable,
    Resources,
    WebhookReader,
)
from tests.unit.billing.invoices import NOW, charge_of, opened
from waypost.jobs.context import JobContext
from waypost.jobs.worker.failure import is_outage
from waypost.kernel.errors import WaypostError
from waypost.kernel.ids import JobId, TenantId, new_id
from waypost.ports.unit_of_work import UnitOfWork
from waypost.testing.clock import MovableClock

Answer = Callable[[httpx.Request], httpx.Response]


def refused(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("connection refused", request=request)


def unclear(_: httpx.Request) -> httpx.Response:
    return httpx.Response(503, json={"error": {"type": "api_error", "code": "service_unavailable"}})


OUTAGES = [(refused, ProviderUnavailable), (unclear, OutcomeUnknown)]


async def execute(answer: Answer, *, attempt: int, outages: int) -> AttemptStatus:
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://provider") as http:
        resources = Resources(
            payments=HttpPayments(http, timeout_seconds=5),
            webhook_reader=cast(WebhookReader, None),
            plans=(),
            documents=cast(InvoiceDocuments, None),
        )
        return await execute_or_leave_pending(job(resources, attempt, outages), request())


def job(resources: Resources, attempt: int, outages: int) -> JobContext[Resources]:
    def begin() -> AbstractAsyncContextManager[UnitOfWork]:
        raise AssertionError("without a decision there is nothing to settle")

    async def report(percent: int) -> None: ...

    return JobContext(
        id=JobId(new_id()),
        name="charge_invoice",
        attempt=attempt,
        outages=outages,
        tenant_id=TenantId(new_id()),
        enqueued_at=NOW,
        idempotency_key="once",
        resources=resources,
        clock=MovableClock(NOW),
        open_unit=begin,
        report=report,
    )


def request() -> ProviderRequest:
    attempt = charge_of(opened())
    order = ChargeOrder(
        idempotency_key=attempt.idempotency_key,
        amount=attempt.amount,
        tenant_id=TenantId(new_id()),
        invoice_id=attempt.invoice_id,
        attempt_id=attempt.id,
        token="pm_card_visa",
    )
    return ProviderRequest(attempt=attempt, order=order, is_new=True)


@pytest.mark.parametrize("error", [ProviderUnavailable, OutcomeUnknown])
def test_an_outage_of_the_provider_uses_no_attempt(error: type[WaypostError]) -> None:
    charge = next(each for each in JOBS if each.name == "charge_invoice")
    assert is_outage(error(), charge)


@pytest.mark.parametrize(("answer", "error"), OUTAGES)
@pytest.mark.parametrize(("attempt", "outages"), [(1, 0), (1, MAX_EXECUTIONS - 2), (MAX_EXECUTIONS - 1, 0)])
async def test_the_job_asks_again_before_its_last_execution(
    answer: Answer, error: type[WaypostError], attempt: int, outages: int
) -> None:
    with pytest.raises(error):
        await execute(answer, attempt=attempt, outages=outages)


@pytest.mark.parametrize(("answer", "error"), OUTAGES)
@pytest.mark.parametrize(("attempt", "outages"), [(1, MAX_EXECUTIONS - 1), (2, MAX_EXECUTIONS - 2), (1, 100)])
async def test_the_sweep_takes_over_after_the_last_execution(
    answer: Answer, error: type[WaypostError], attempt: int, outages: int
) -> None:
    assert await execute(answer, attempt=attempt, outages=outages) is AttemptStatus.PENDING
