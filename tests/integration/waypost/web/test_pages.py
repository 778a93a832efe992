"""The two pages on which each service documents itself, as a browser shows them."""

import pytest

from infra.services import SERVICES
from tests.fixtures.browser import Open
from waypost.cli.services import service_named
from waypost.hosting.api import documented, openapi_of
from waypost.hosting.asyncapi import asyncapi_of
from waypost.testing.http import serving


@pytest.mark.parametrize("name", sorted(SERVICES))
async def test_docs_shows_every_route_of_the_api(name: str, visit: Open) -> None:
    service = service_named(name)
    async with serving(documented(service)) as url:
        visited = await visit(f"{url}/docs")
        routes = sum(len(methods) for methods in openapi_of(service)["paths"].values())
        await visited.page.locator(".opblock").nth(routes - 1).wait_for()
        assert await visited.page.locator(".opblock").count() == routes
        await visited.page.get_by_role("link", name="/asyncapi").wait_for()
        await visited.page.locator(".opblock-summary-control").first.click()
        await visited.page.get_by_text("The request failed.").first.wait_for()
    visited.prove_clean()


@pytest.mark.parametrize("name", sorted(SERVICES))
async def test_asyncapi_shows_what_is_published_and_handled(name: str, visit: Open) -> None:
    service = service_named(name)
    async with serving(documented(service)) as url:
        visited = await visit(f"{url}/asyncapi")
        for operation in asyncapi_of(service)["operations"].values():
            await visited.page.get_by_role("heading", name=operation["title"], exact=True).wait_for()
        await visited.page.get_by_text("ce_correlationid").first.wait_for()
    visited.prove_clean()


async def test_a_page_that_would_fetch_from_elsewhere_is_noticed(visit: Open) -> None:
    async with serving(documented(service_named("users"))) as url:
        visited = await visit(f"{url}/docs")
        await visited.page.evaluate("fetch('http://127.0.0.1:9/tracker').catch(() => null)")
    with pytest.raises(AssertionError):
        visited.prove_clean()
