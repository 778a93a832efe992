"""Requests that schemathesis generates from the OpenAPI documents never cause a 5xx, and each
answer is as its document says: status, content type, headers and schema.
"""

import asyncio

import pytest

from tests.security.counts import COUNTS
from tests.security.generated import GeneratedRequests
from tests.security.target import Target
from waypost.testing.http import serving


@pytest.fixture(scope="module")
def target(own_target: Target) -> Target:
    """For this file only: a valid request ends the sessions of the caller."""
    return own_target


async def test_answers_to_generated_requests_are_as_documented(target: Target) -> None:
    async with serving(target.served()) as url:
        requests = GeneratedRequests(
            document=target.app.openapi(), base_url=url, user=target.victims[0], operator=target.operator
        )
        report = await asyncio.to_thread(requests.send, COUNTS.cases, COUNTS.choice(f"cases of {target.name}"))
    print(
        f"{target.name}: {report.answers.total():,} generated requests, answers {dict(sorted(report.answers.items()))}"
    )
    assert not report.problems, "\n\n".join(f"{name}: {text}" for name, text in report.problems.items())
