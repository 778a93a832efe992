import asyncio

import pytest
import structlog
from fastapi import APIRouter
from starlette.applications import Starlette

from tests.fixtures.web import api
from waypost.kernel.errors import Transient
from waypost.testing.http import client_of
from waypost.web.probes import Readiness, create_probes_app


async def away() -> None:
    raise Transient("the address and the password of it")


async def here() -> None: ...


async def silent() -> None:
    await asyncio.Event().wait()


def both(readiness: Readiness) -> list[Starlette]:
    return [api(readiness=readiness), create_probes_app("demo", readiness)]


async def test_readiness_names_what_is_missing() -> None:
    checks = {"postgres": away, "kafka": here, "registry": silent}
    for app in both(Readiness(unready=lambda: ["relay"], checks=checks)):
        async with client_of(app) as client:
            answer = await client.get("/readyz?verbose")
        assert answer.status_code == 503
        missing = {"relay": "not running", "postgres": "Transient", "registry": "TimeoutError"}
        assert answer.json() == {"status": "unready", "missing": missing}


async def test_liveness_does_not_depend_on_other_servers() -> None:
    for app in both(Readiness(unready=lambda: ["relay"], checks={"postgres": away})):
        async with client_of(app) as client:
            assert (await client.get("/livez")).status_code == 200
            assert (await client.get("/readyz")).json() == {"status": "unready"}


async def test_ready_when_all_is_there() -> None:
    for app in both(Readiness(checks={"kafka": here})):
        async with client_of(app) as client:
            assert (await client.get("/readyz")).status_code == 200


@pytest.mark.parametrize("path", ["/version", "/metrics"])
async def test_every_process_serves_its_release_and_metrics(path: str) -> None:
    for app in both(Readiness()):
        async with client_of(app) as client:
            assert (await client.get(path)).status_code == 200


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/version", "/metrics"])
async def test_every_process_answers_head_like_get(path: str) -> None:
    for app in both(Readiness()):
        async with client_of(app) as client:
            assert (await client.head(path)).status_code == 200
            refused = await client.post(path)
            assert (refused.status_code, refused.headers["content-type"]) == (405, "application/problem+json")


async def test_requests_are_measured_by_template_and_probes_are_not() -> None:
    async with client_of(api()) as client:
        await client.get("/version")
        await client.get("/made-up-by-a-client")
        await client.request("INVENTED", "/version")
        text = (await client.get("/metrics")).text
    assert 'waypost_http_request_seconds_count{method="GET",route="/version",status="200"}' in text
    assert 'method="other"' in text
    assert "made-up" not in text
    assert "INVENTED" not in text
    assert 'route="/metrics"' not in text


async def test_a_route_of_nested_routers_is_named_with_its_whole_path() -> None:
    outer, inner = APIRouter(prefix="/ops"), APIRouter(prefix="/jobs")
    inner.add_api_route("/{job_id}", lambda job_id: job_id)
    outer.include_router(inner)
    job_id = "01a21327-343b-78b8-828e-29818cbf217b"
    with structlog.testing.capture_logs() as lines:
        async with client_of(api(outer)) as client:
            await client.get(f"/ops/jobs/{job_id}")
            text = (await client.get("/metrics")).text
    assert [each["path"] for each in lines if each["event"] == "http_request"] == [f"/ops/jobs/{job_id}"]
    assert 'route="/ops/jobs/{job_id}"' in text


async def test_the_documentation_needs_no_network() -> None:
    async with client_of(api()) as client:
        page = (await client.get("/docs")).text
        assert "//" not in page.replace("<!-- ", "").split("<script>")[0].replace('href="/', "").replace('src="/', "")
        for asset in ("swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png"):
            assert f'"/docs/{asset}"' in page
            assert (await client.get(f"/docs/{asset}")).status_code == 200
        assert (await client.get("/openapi.json")).json()["info"]["title"] == "Waypost demo"
