"""A request about a job waits for its end, instead of asking repeatedly."""

import asyncio

import httpx

from tests.integration.billing.reports import requested
from tests.integration.billing.service import BillingService, Company
from waypost.kernel.ids import new_id
from waypost.kernel.role import Role


async def shown(company: Company, location: str, seconds: int, role: Role = Role.OWNER) -> httpx.Response:
    headers = company.headers(role, new_id()) | {"prefer": f"wait={seconds}"}
    return await company.billing.http.get(location, headers=headers)


async def test_a_request_waits_for_the_end_of_the_job(billing: BillingService) -> None:
    company = await billing.company()
    location = await requested(company)
    early = await shown(company, location, 0)
    assert (early.json()["status"], early.headers["preference-applied"]) == ("queued", "wait")
    waiting = asyncio.create_task(shown(company, location, 10))
    async with billing.working():
        late = await waiting
    assert (late.json()["status"], late.headers["preference-applied"]) == ("complete", "wait")
    again = await shown(company, location, 10)
    assert (again.json()["status"], "preference-applied" in again.headers) == ("complete", False)


async def test_no_request_waits_for_a_job_that_its_caller_may_not_see(billing: BillingService) -> None:
    """The end of the wait would reveal that the job exists, and when it ends."""
    company, stranger = await billing.company(), await billing.company()
    location = await requested(company)
    for answer in (
        await shown(stranger, location, 10),
        await shown(company, location, 10, Role.MEMBER),
        await shown(company, f"/jobs/{new_id()}", 10),
    ):
        assert (answer.status_code, "preference-applied" in answer.headers) == (404, False)
