"""A job process is killed in the middle of a report: the next one completes it, once."""

from datetime import UTC, datetime

from tests.faults.charges_rig import ChargesRig
from tests.integration.billing.reports import ended, invoiced, report, requested


async def test_killed_between_two_months(charging: ChargesRig) -> None:
    company = await charging.company()
    for month in (1, 2, 3):
        await invoiced(company, datetime(2026, month, 1, tzinfo=UTC), month)
    undisturbed = await report(company)
    location = await requested(company)
    await charging.killed("billing.after_a_month")
    halfway = await company.get(location)
    assert (halfway["status"], halfway["progress"], halfway["result"]) == ("running", 33, None)
    async with charging.working():
        job = await ended(company, location)
    assert (job["attempts"], job["progress"]) == (2, 100)
    assert job["result"] == undisturbed
    assert [line["invoiced_minor"] for line in job["result"]["lines"]] == [1, 2, 3]
    assert await company.rows("select count(*) as kept from job_results where name = 'generate_report'") == [
        {"kept": 2}
    ]
    assert (await company.row_counts())["jobs"] == 0
