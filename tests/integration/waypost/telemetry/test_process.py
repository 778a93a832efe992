"""The output of a process: spans to a collector, log lines to standard output."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import APIRouter, Request

from tests.fixtures.programs import printed_by
from tests.fixtures.web import api
from tests.integration.waypost.telemetry import program as telemetry_program
from tests.integration.waypost.telemetry.service_run import event, run
from waypost.kernel.errors import Misconfigured
from waypost.telemetry import tracing
from waypost.web.server import HttpServer


class Collector:
    """Takes spans like Zipkin does."""

    def __init__(self) -> None:
        self.spans: list[dict[str, Any]] = []
        routes = APIRouter()
        routes.add_api_route("/api/v2/spans", self.take, methods=["POST"], status_code=202)
        self.server = HttpServer(api(routes), port=0)

    async def take(self, request: Request) -> None:
        self.spans += await request.json()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server.port}/api/v2/spans"

    def named(self, name: str) -> dict[str, Any]:
        (span,) = [each for each in self.spans if each["name"] == name]
        return span


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    collector = Collector()
    await collector.server.start()
    yield collector
    await collector.server.stop()


async def test_spans_reach_zipkin_with_their_peers_and_without_secrets(collector: Collector) -> None:
    lines, _ = await run(OTEL_TRACES_EXPORTER="zipkin", OTEL_EXPORTER_ZIPKIN_ENDPOINT=collector.endpoint)
    request = collector.named("GET /unsubscribe/{token}/{id}")
    sent = collector.named("send users.user")
    assert request["kind"] == "SERVER"
    assert request["localEndpoint"]["serviceName"] == "users"
    assert request["tags"]["service.instance.id"] == "api-1"
    assert request["tags"]["url.path"] == "/unsubscribe/{token}/00000000-0000-0000-0000-000000000007"
    assert (sent["kind"], sent["remoteEndpoint"]) == ("PRODUCER", {"serviceName": "kafka"})
    assert (sent["traceId"], sent["parentId"]) == (request["traceId"], request["id"])
    assert event(lines, "unsubscribed")["trace_id"] == request["traceId"]
    everything = json.dumps(collector.spans)
    assert "s3cr3t" not in everything
    assert "mail.example" not in everything
    assert "livez" not in everything


async def test_a_problem_names_its_trace(collector: Collector) -> None:
    lines, _ = await run(OTEL_TRACES_EXPORTER="zipkin", OTEL_EXPORTER_ZIPKIN_ENDPOINT=collector.endpoint)
    failed = collector.named("GET /broken")
    assert [each["trace"] for each in lines if each.get("status") == 500 and "trace" in each] == [failed["traceId"]]
    assert event(lines, "request_failed")["trace_id"] == failed["traceId"]
    assert "error" in failed["tags"]


async def test_of_requests_beyond_the_limit_only_failed_ones_are_recorded(collector: Collector) -> None:
    lines, _ = await run(
        OTEL_TRACES_EXPORTER="zipkin",
        OTEL_EXPORTER_ZIPKIN_ENDPOINT=collector.endpoint,
        OTEL_TRACES_SAMPLER_ARG="0",
    )
    (failed,) = [each for each in collector.spans if each["kind"] == "SERVER"]
    assert (failed["name"], failed["tags"]["error.type"]) == ("GET /broken", "ValueError")
    assert (failed["tags"]["http.response.status_code"], failed["tags"]["url.path"]) == ("500", "/broken")
    assert event(lines, "request_failed")["trace_id"] == failed["traceId"]
    assert [each["trace"] for each in lines if each.get("status") == 500 and "trace" in each] == [failed["traceId"]]
    unsampled = event(lines, "unsubscribed")["trace_id"]
    assert unsampled not in {each["traceId"] for each in collector.spans}


async def test_another_sampler_can_be_chosen(collector: Collector) -> None:
    await run(
        OTEL_TRACES_EXPORTER="zipkin",
        OTEL_EXPORTER_ZIPKIN_ENDPOINT=collector.endpoint,
        OTEL_TRACES_SAMPLER="parentbased_always_off",
    )
    assert {each["name"] for each in collector.spans if each["kind"] == "SERVER"} == {"GET /broken"}


@pytest.mark.parametrize("variable", ["OTEL_TRACES_SAMPLER_ARG", "WAYPOST_SPANS_PER_SECOND"])
@pytest.mark.parametrize("value", ["many", "-1", "inf", "nan"])
async def test_a_limit_that_is_not_a_number_is_refused(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "zipkin")
    monkeypatch.setenv(variable, value)
    with pytest.raises(Misconfigured, match=f"{variable} is '{value}': set it to a number per second"):
        tracing.configure("users", "api-1")


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG", "WAYPOST_SPANS_PER_SECOND"):
        monkeypatch.setenv(variable, " ")
    assert tracing._traces_per_second() == tracing.TRACES_PER_SECOND
    assert tracing._limit(tracing.SPANS_VARIABLE, 7.0) == 7.0


async def test_lines_are_json_without_addresses() -> None:
    lines, written = await run(OTEL_TRACES_EXPORTER="none")
    assert "mail.example" not in written
    assert "s3cr3t" not in written
    assert event(lines, "request_failed")["error_class"] == "ValueError"
    assert "cannot mail [redacted]" in event(lines, "request_failed")["exception"]
    told = event(lines, "http_request")
    assert told["path"] == "/unsubscribe/{token}/00000000-0000-0000-0000-000000000007"
    assert {"timestamp", "level", "service", "request_id", "duration_ms"} <= told.keys()


def test_without_an_exporter_the_sdk_is_not_even_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not forked: the fork server has loaded it."""
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
    program = f"import runpy; runpy.run_module({telemetry_program.__name__!r}, run_name='__main__')"
    lines = [json.loads(line) for line in printed_by(program).splitlines()]
    assert event(lines, "sdk_loaded")["loaded"] is False
    assert event(lines, "answered")["trace"] is None


async def test_a_collector_that_is_away_costs_one_line() -> None:
    lines, written = await run(
        OTEL_TRACES_EXPORTER="zipkin", OTEL_EXPORTER_ZIPKIN_ENDPOINT="http://127.0.0.1:9/api/v2/spans"
    )
    assert (
        "Traceback"
        not in written.replace(str(event(lines, "request_failed")["exception"]), "").split("request_failed")[0]
    )
    assert len([each for each in lines if each["event"] == "trace_export_failed"]) == 1


async def test_an_unknown_exporter_is_refused() -> None:
    with pytest.raises(AssertionError, match="OTEL_TRACES_EXPORTER"):
        await run(OTEL_TRACES_EXPORTER="jaeger")
