"""Zipkin shows one trace across the broker, and a dependency graph of bounded contexts."""

import time
from typing import Any

import httpx

from tests.fixtures.browser import Open
from tests.integration.waypost.telemetry.service_run import event, run
from waypost.testing.eventually import eventually


async def test_the_graph_leads_from_users_through_kafka_to_notifications(zipkin: str, visit: Open) -> None:
    environment = {"OTEL_TRACES_EXPORTER": "zipkin", "OTEL_EXPORTER_ZIPKIN_ENDPOINT": f"{zipkin}/api/v2/spans"}
    sent = event((await run("program", **environment))[0], "sent")
    await run("receiver", sent["traceparent"], **environment)
    async with httpx.AsyncClient(base_url=f"{zipkin}/api/v2") as client:

        async def edges() -> set[tuple[str, str]]:
            answer = await client.get("/dependencies", params={"endTs": int(time.time() * 1000) + 1000})
            return {(each["parent"], each["child"]) for each in answer.json()}

        async def whole_graph() -> bool:
            return {("users", "kafka"), ("kafka", "notifications")} <= await edges()

        assert await eventually(whole_graph)
        assert ("users", "notifications") not in await edges()
        spans: list[dict[str, Any]] = (await client.get(f"/trace/{sent['trace_id']}")).json()
    by_name = {each["name"]: each for each in spans}
    handled, published = by_name["process users.user"], by_name["send users.user"]
    assert handled["parentId"] == published["id"]
    assert handled["tags"]["link.0"] == f"{published['traceId']}/{published['id']}"

    visited = await visit(f"{zipkin}/zipkin/traces/{sent['trace_id']}")
    await visited.page.get_by_text("process users.user").first.wait_for()
    assert visited.elsewhere == []
