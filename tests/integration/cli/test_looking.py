"""The read-only commands: outbox, consumers, topics and traces, and their output when a server is
unreachable.
"""

import json
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI

from tests.fixtures.envelopes import TRACEPARENT
from tests.integration.cli.command import Stack
from waypost.kernel.partitioner import shard_for
from waypost.native.ports import LOOPBACK
from waypost.ports.declared_consumer import ConsumerKind, DeclaredConsumer
from waypost.postgres.database import Database
from waypost.postgres.declared_consumers import store_consumers
from waypost.testing.database import connected
from waypost.testing.http import caller, serving
from waypost.testing.topics import create_topic, delete_topic, unique


async def test_the_outbox_shows_pending_rows_and_quarantined_keys(stack: Stack) -> None:
    await stack.record()
    refused = await stack.record()
    key = str(refused.aggregate_id).encode()
    async with connected(stack.users.relay) as relay:
        mark = "insert into outbox_quarantine (shard, key, reason) values ($1, $2, 'too large')"
        await relay.execute(mark, shard_for(key), key)
    (users,) = (await stack.waypost("outbox", "users", "--json")).told
    assert users["pending"] == 1
    assert users["oldest_seconds"] > 0
    (set_aside,) = users["quarantined_keys"]
    assert (set_aside["key"], set_aside["pending"], set_aside["reason"]) == (key.decode(), 1, "too large")
    redriven = await stack.waypost(
        "outbox", "redrive", "--key", key.decode(), "--service", "users", "--reason", "mended", "--json"
    )
    assert json.loads(redriven.output) == [{"service": "users", "key": key.decode()}]


async def test_topics_are_shown_with_partitions_and_offsets(stack: Stack) -> None:
    finished = await stack.waypost("topics", "--json")
    named = {each["name"]: each for each in finished.told}
    assert set(named) == {"users.user", "users.tenant"}
    assert len(named["users.user"]["partitions"]) == 8
    assert named["users.tenant"]["cleanup_policy"] == "delete"
    assert named["users.tenant"]["partitions"]["0"] == {"low": 0, "high": 0}


async def test_a_long_name_is_on_one_line_without_a_terminal(stack: Stack, cluster: str) -> None:
    long_name = await create_topic(cluster, unique("users.user-" + 80 * "x"), partitions=1)
    try:
        finished = await stack.waypost("topics")
    finally:
        await delete_topic(cluster, long_name)
    assert long_name in finished.output


async def test_the_stored_consumers_are_shown(stack: Stack) -> None:
    before = await stack.waypost("consumers", "users")
    assert (before.code, "users: no consumers; a worker stores the list" in before.problem) == (0, True)
    pool = Database(stack.users.app, application_name="test", pool_size=1, schemas=[])
    await store_consumers(
        pool, [DeclaredConsumer(group="users.tenants", kind=ConsumerKind.ASYNC_PROJECTION, topics=["users.tenant"])]
    )
    await pool.close()
    (tenants,) = (await stack.waypost("consumers", "users", "--json")).told
    assert (tenants["group"], tenants["kind"], tenants["lag"]) == ("users.tenants", "async-projection", 0)
    assert {partition["topic"] for partition in tenants["partitions"]} == {"users.tenant"}


async def test_a_trace_without_a_viewer_is_linked_and_the_absence_is_reported(stack: Stack) -> None:
    event = await stack.record()
    finished = await stack.waypost("trace", str(event.event_id))
    assert finished.code == 1
    assert finished.output.strip().endswith(f"/zipkin/traces/{TRACEPARENT.split('-')[1]}")
    assert "the trace viewer at http://" in finished.problem
    assert "does not answer" in finished.problem
    assert "Traceback" not in finished.problem


async def test_a_trace_lists_the_traces_that_handled_its_events_again(stack: Stack) -> None:
    event, original, later = await stack.record(), TRACEPARENT.split("-")[1], 32 * "7"
    viewer = FastAPI()

    @viewer.get("/api/v2/trace/{trace_id}")
    async def spans(trace_id: str) -> list[dict[str, object]]:
        return [{"id": "1", "traceId": trace_id, "name": "post /signup", "timestamp": 1, "duration": 1}]

    @viewer.get("/api/v2/traces")
    async def found(annotationQuery: str) -> list[list[dict[str, str]]]:  # noqa: N803 - Zipkin's name
        assert annotationQuery == f"waypost.original_trace_id={original}"
        return [[{"id": "2", "traceId": later}, {"id": "3", "traceId": later}]]

    async with serving(viewer) as url:
        stack.write_environment(zipkin=url)
        finished = await stack.waypost("trace", str(event.event_id))
    assert finished.code == 0, finished.problem
    assert f"handled again in {url}/zipkin/traces/{later}\n" in finished.output


async def test_a_trace_is_shown_with_its_times_and_a_trace_that_the_viewer_dropped_is_reported(
    stack: Stack, zipkin: str
) -> None:
    event = await stack.record()
    stack.write_environment(zipkin)
    forgotten = await stack.waypost("trace", str(event.event_id))
    assert forgotten.code == 1
    assert "in memory, has lost them" in forgotten.problem
    trace_id, parent = TRACEPARENT.split("-")[1:3]
    span = {"traceId": trace_id, "timestamp": 1_000_000, "duration": 5_000, "localEndpoint": {"serviceName": "users"}}
    sent = [
        {**span, "id": parent, "name": "post /signup", "tags": {"service.instance.id": "api@here:1"}},
        {**span, "id": "2" * 16, "parentId": parent, "timestamp": 1_007_000, "name": "send users.user"},
        {**span, "id": "3" * 16, "parentId": "4" * 16, "name": "process users.user"},
    ]
    async with caller(zipkin) as http:
        (await http.post("/api/v2/spans", json=sent)).raise_for_status()
    shown = await stack.waypost("trace", str(event.event_id))
    assert shown.code == 0
    assert "users api  post /signup  +0.0 ms, 5.0 ms" in shown.output
    assert "send users.user  +7.0 ms, 5.0 ms, waited 2.0 ms" in shown.output
    assert "process users.user  +0.0 ms, 5.0 ms  (its parent is not in the viewer)" in shown.output
    assert "1 parent span is not in the viewer" in shown.problem


async def test_an_unreachable_broker_is_named(stack: Stack) -> None:
    for file in stack.folder.glob("*.env"):
        file.write_text(file.read_text().replace(stack.bootstrap, f"{LOOPBACK}:1"))
    finished = await stack.waypost("consumers", "users")
    assert finished.code == 1
    assert f"no broker answers at {LOOPBACK}:1" in finished.problem
    assert "`make up` starts it" in finished.problem
    assert "Traceback" not in finished.problem


@pytest.mark.parametrize("command", [("dead-letters", "list", "users"), ("projections", "rebuild", "users.accounts")])
async def test_only_the_unreachable_database_is_reported(stack: Stack, command: tuple[str, ...]) -> None:
    server = urlsplit(stack.users.app)
    for file in stack.folder.glob("*.env"):
        file.write_text(file.read_text().replace(f":{server.port}/", ":1/"))
    finished = await stack.waypost(*command)
    assert finished.code == 1
    assert finished.output == ""
    assert "the database is not available" in finished.problem
    assert "Traceback" not in finished.problem
