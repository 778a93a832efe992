"""`waypost dev demo`: one request to each service, its event on the topic, and its trace."""

import asyncio
from datetime import timedelta
from uuid import UUID

import httpx
from rich.console import Console

from waypost.cli.dev.requests import example_request
from waypost.cli.development import development_token, development_user
from waypost.cli.output import lines, to_json
from waypost.cli.services import chosen_services, stack_brokers
from waypost.cli.trace.command import show_trace
from waypost.cli.trace.viewer import Viewer
from waypost.devstack.client import StackClient
from waypost.devstack.ports import Ports, services_here
from waypost.hosting.api import openapi_of
from waypost.hosting.service import Service
from waypost.kafka.catalog import partitions_of
from waypost.kafka.topic_log import KafkaTopicLog, KafkaTopicLogs
from waypost.kernel.errors import Misconfigured, NotFound, Transient
from waypost.kernel.ids import new_id
from waypost.kernel.role import Role
from waypost.operations.records import RecordView, as_dict
from waypost.telemetry.tracing import trace_id_of

TRACE_VIEWER = "zipkin"
RECORD_SECONDS = 30
TRACE_SECONDS = 60
QUIET_SECONDS = 7
"""Seconds without a new span: processes send theirs every 5 s."""


async def show_demo(client: StackClient, console: Console) -> None:
    """Runs the demo on the running stack, or on a stack that it starts and stops."""
    started = not client.runs()
    if started:
        await client.start()
    try:
        await client.watch_until_up(names=[TRACE_VIEWER])  # its first start downloads it; earlier spans would be lost
        snapshot = client.board()
        if snapshot is None:
            raise Misconfigured("the stack has just ended; `waypost dev up` starts it")
        services = chosen_services(None)
        if not services:
            raise NotFound("the project has no service yet; `waypost new service shipping` writes one")
        for service in services:
            await _demonstrate(service, Ports(services_here(), snapshot.port_base), console)
    finally:
        if started:
            console.print("\nStopping the stack; `waypost dev up` keeps one running.")
            await client.stop()


async def _demonstrate(service: Service, ports: Ports, console: Console) -> None:
    request = example_request(openapi_of(service))
    console.rule(service.name)
    if request is None:
        console.print("It has no POST route that can be called without an id.")
        return
    bootstrap = stack_brokers()
    known = await partitions_of(bootstrap)
    own = sorted(each for each in known if each.startswith(f"{service.name}."))
    async with KafkaTopicLogs(bootstrap).opened([each for topic in own for each in known[topic]]) as log:
        log.seek(await log.end_offsets())
        user = development_user(f"Demo {new_id()}", Role.OWNER)
        token = development_token(user, timedelta(minutes=5))
        url = f"{ports.url(service.name)}{request.path}"
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}, trust_env=False) as http:
            answer = await http.post(url, json=request.body)
        console.print(f"POST {url} {to_json(request.body, indent=None)}", soft_wrap=True)
        console.print(f"{answer.status_code} {answer.text}\n", soft_wrap=True, markup=False)
        answer.raise_for_status()
        seen = await _record_of(log, user.tenant_id)
    record = as_dict(seen, service.codec, personal=False)
    lines(f"Record {seen.place}", record["headers"])
    lines("Data", record["data"])
    await _show_trace(seen)


async def _record_of(log: KafkaTopicLog, tenant_id: UUID) -> RecordView:
    try:
        async with asyncio.timeout(RECORD_SECONDS):
            while True:
                for record in await log.read_any(max_records=100, timeout_seconds=0.5):
                    seen = RecordView.of(record)
                    if seen.attributes is not None and seen.attributes.tenant_id == tenant_id:
                        return seen
    except TimeoutError:
        raise NotFound(f"no event came within {RECORD_SECONDS} s; `waypost dev logs` shows why") from None


async def _show_trace(seen: RecordView) -> None:
    assert seen.attributes is not None  # noqa: S101 - found by its tenant
    trace_id = trace_id_of(seen.attributes.cause.traceparent)
    if trace_id is not None:
        await _until_whole(trace_id)
        await show_trace(seen.attributes.event_id)


async def _until_whole(trace_id: str) -> None:
    """Waits until the viewer holds every parent, and has had no new span for a while."""
    viewer, known, quiet = Viewer.of_the_stack(), frozenset[str](), 0
    for _ in range(TRACE_SECONDS):
        try:
            spans = await viewer.spans(trace_id)
        except (NotFound, Transient):  # the viewer is optional, and starts last
            spans = ()
        ids = frozenset(each.id for each in spans)
        quiet = quiet + 1 if ids == known else 0
        known = ids
        if known and quiet >= QUIET_SECONDS and all(each.parent_id in {None, *known} for each in spans):
            return
        await asyncio.sleep(1)
