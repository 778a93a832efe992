"""The load of `make upgrade`: old and new processes share the requests of an API, the ends of
processes are recorded, and Ctrl-C ends the upgrade but not its checks.
"""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client import Counter as Metric

from tests.faults.storm.interrupts import until_interrupted
from tests.faults.storm.journal import Journal, entries
from tests.faults.storm.rolling_upgrade import RollingUpgrade
from tests.faults.storm.traffic import Traffic
from tests.faults.storm.watched import WatchedServer
from tests.faults.storm.work import work_of
from waypost.native.errors import StartFailed
from waypost.native.ports import LOOPBACK, free_ports
from waypost.project import metric
from waypost.testing.eventually import eventually

OLD, NEW = "http://old:1", "http://new:2"
UNANSWERED = "/unanswered"


class Server:
    """Answers each request to a port, except for `/dropped`. It answers `/unanswered` when `answer`
    is set, `/slow` during the probe, and this probe when `answer` is set.
    """

    def __init__(self) -> None:
        self.answer = asyncio.Event()
        (port,) = free_ports(1)
        self.url = f"http://{LOOPBACK}:{port}"
        self._port = port
        self.probed = asyncio.Event()
        self.page = b""
        self.paths: list[str] = []

    async def run(self) -> asyncio.Server:
        return await asyncio.start_server(self._answer, LOOPBACK, self._port)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.paths.append(head.split()[1])
        if UNANSWERED in head:
            await self.answer.wait()
        if "/slow" in head:
            await self.probed.wait()
        if "/livez" in head:
            self.probed.set()
            if "/slow" in self.paths:
                await self.answer.wait()
        if "/dropped" not in head:
            writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(self.page))
            writer.write(self.page)
        writer.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    async with await made.run():
        yield made


@pytest.fixture
async def traffic() -> AsyncIterator[Traffic]:
    async with httpx.AsyncClient(trust_env=False) as http:
        yield Traffic(http)


def answering() -> Traffic:
    return Traffic(httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(200))))


async def test_two_processes_serve_the_requests_of_one_address_in_turn() -> None:
    traffic = answering()
    traffic.divert(OLD, OLD, NEW)
    for _ in range(6):
        await traffic.send("POST", f"{OLD}/invoices", "create_invoice")
        await traffic.send("GET", "http://mail:3/api/messages")
    assert Counter(each.process for each in traffic.calls) == {OLD: 3, NEW: 3, "http://mail:3": 6}
    assert traffic.operations(NEW) == 3
    assert traffic.operations("http://mail:3") == 0


async def test_requests_wait_while_no_process_serves_their_address() -> None:
    traffic = answering()
    traffic.divert(OLD)
    waiting = asyncio.create_task(traffic.send("GET", f"{OLD}/invoices"))
    await asyncio.wait([waiting], timeout=0.1)
    assert not waiting.done()
    traffic.divert(OLD, NEW)
    await waiting
    assert [each.process for each in traffic.calls] == [NEW]


async def test_a_process_is_withdrawn_while_a_request_to_it_is_open(server: Server, traffic: Traffic) -> None:
    withdrawing = asyncio.create_task(traffic.withdraw(server.url, server.url))
    sending = asyncio.create_task(traffic.send("GET", f"{server.url}{UNANSWERED}"))
    assert await withdrawing == 1
    assert server.paths == [UNANSWERED, "/livez"]
    waiting = asyncio.create_task(traffic.send("GET", f"{server.url}/invoices"))
    server.answer.set()
    await sending
    assert traffic.open_requests(server.url) == 0
    assert not waiting.done()
    traffic.divert(server.url, server.url)
    await waiting


async def test_answered_requests_are_not_open(server: Server, traffic: Traffic) -> None:
    withdrawing = asyncio.create_task(traffic.withdraw(server.url, server.url))
    await traffic.send("GET", f"{server.url}/slow")
    server.answer.set()
    assert await withdrawing == 0


async def test_a_dropped_request_is_recorded_with_its_error(server: Server, traffic: Traffic) -> None:
    with pytest.raises(httpx.TransportError):
        await traffic.send("POST", f"{server.url}/dropped", "sign_up")
    (seen,) = traffic.calls
    assert (seen.operation, seen.status) == ("sign_up", None)
    assert seen.error.startswith("RemoteProtocolError")
    assert traffic.open_requests(server.url) == 0


async def test_the_work_of_a_worker_is_read_from_its_own_metrics(server: Server) -> None:
    registry = CollectorRegistry()
    records = Metric(metric("consumer_records_total"), "Records.", ["consumer", "outcome"], registry=registry)
    for outcome, number in (("handled", 3), ("handled", 2), ("duplicate", 9)):
        records.labels(f"consumer-{number}", outcome).inc(number)
    server.page = generate_latest(registry)
    assert await work_of("worker", server.url) == {"records published": 0, "records handled": 5}


async def test_a_process_that_does_not_answer_has_done_no_work() -> None:
    (port,) = free_ports(1)
    assert await work_of("jobs", f"http://{LOOPBACK}:{port}") == {"jobs completed": 0}


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[WatchedServer]:
    (port,) = free_ports(1)
    process = WatchedServer(
        "tests.faults.probed_process",
        str(port),
        environment={},
        log=tmp_path / "process.log",
        health=f"http://{LOOPBACK}:{port}/readyz",
        release="the checkout",
    )
    yield process
    await process.stop()


async def test_a_process_that_ends_after_it_was_ready_is_noticed(watched: WatchedServer) -> None:
    await watched.start()
    watched.require_running()
    await watched.child.kill()
    await eventually(lambda: _has_ended(watched), deadline_seconds=20)
    await watched.start()  # as a supervisor does
    await watched.stop()
    await eventually(lambda: _has_ended(watched, times=2), deadline_seconds=20)
    first, second = watched.exits
    assert (first.stopped, first.code, first.release) == (False, -signal.SIGKILL, "the checkout")
    assert "serves its probes" in first.last_lines
    assert second.stopped
    with pytest.raises(StartFailed, match="ended with code -9"):
        watched.require_running()


async def test_the_exit_code_of_a_stopped_process_is_recorded(watched: WatchedServer) -> None:
    await watched.start()
    await watched.stop()
    await eventually(lambda: _has_ended(watched), deadline_seconds=20)
    assert [(end.stopped, end.code) for end in watched.exits] == [(True, 0)]


async def _has_ended(server: WatchedServer, times: int = 1) -> bool:
    return len(server.exits) == times


class Interrupted(RollingUpgrade):
    """Receives Ctrl-C in a step."""

    async def _steps(self) -> None:
        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGINT)
        await asyncio.Event().wait()


class Failing(RollingUpgrade):
    async def _steps(self) -> None:
        raise StartFailed("users-worker ended")


@pytest.mark.parametrize(("upgrade", "reason"), [(Interrupted, "it was interrupted"), (Failing, "users-worker ended")])
async def test_the_checks_follow_an_upgrade_that_ended_early_and_know_its_reason(
    upgrade: type[RollingUpgrade], reason: str, tmp_path: Path
) -> None:
    unused: Any = None
    steps = tmp_path / "steps.jsonl"
    journal = Journal(steps)
    await until_interrupted(upgrade(unused, unused, journal, unused).run())
    journal.close()
    assert [entry["failure"] for entry in entries(steps)] == [reason]
    asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)


async def test_an_error_of_the_harness_is_raised() -> None:
    async def fail() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await until_interrupted(fail())
    asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)
