"""The two ports of an API."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import APIRouter

from tests.fixtures.web import api
from waypost.engine.process import Process
from waypost.kernel.errors import Misconfigured
from waypost.native.ports import LOOPBACK
from waypost.web.addresses import Address
from waypost.web.management import http_servers
from waypost.web.probes import Readiness

ANY_PORT = Address(host=LOOPBACK, port=0)


async def test_management_answers_from_the_opened_resources_until_the_public_port_has_drained() -> None:
    seen: list[str] = []
    begun, go_on = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def resources() -> AsyncIterator[None]:
        seen.append("opened")
        yield
        seen.append("closed")

    async def slow() -> str:
        begun.set()
        await go_on.wait()
        return "done"

    router = APIRouter()
    router.add_api_route("/slow", slow)
    management, public = http_servers(api(router, resources=resources), ANY_PORT, ANY_PORT)
    at: dict[str, str] = {}
    async with httpx.AsyncClient(trust_env=False) as http:
        try:
            for server in (management, public):
                await server.start()
                at[server.name] = f"http://{LOOPBACK}:{server.port}"
            for path, expected in (("/metrics", (200, 404)), ("/docs", (200, 404)), ("/readyz", (200, 200))):
                answers = [(await http.get(f"{at[name]}{path}")).status_code for name in ("management", "http")]
                assert tuple(answers) == expected, path
            running = asyncio.create_task(http.get(f"{at['http']}/slow"))
            await begun.wait()
            draining = asyncio.create_task(public.drain(30))
            assert (await http.get(f"{at['management']}/metrics")).status_code == 200
            go_on.set()
            await draining
            assert (await running).text == '"done"'
            await public.stop()
            assert seen == ["opened"]
        finally:
            for server in (public, management):
                await server.drain(1)
                await server.stop()
    assert seen == ["opened", "closed"]


async def test_management_is_unready_while_the_public_port_drains() -> None:
    begun, go_on, readiness = asyncio.Event(), asyncio.Event(), Readiness()

    async def slow() -> str:
        begun.set()
        await go_on.wait()
        return "done"

    router = APIRouter()
    router.add_api_route("/slow", slow)
    management, public = http_servers(api(router, readiness=readiness), ANY_PORT, ANY_PORT)
    process = asyncio.create_task(Process([management, public], ending=readiness.ending).run())
    async with httpx.AsyncClient(trust_env=False) as http:
        try:
            await public.ready.wait()
            probe = f"http://{LOOPBACK}:{management.port}/readyz?verbose"
            assert (await http.get(probe)).status_code == 200
            running = asyncio.create_task(http.get(f"http://{LOOPBACK}:{public.port}/slow"))
            await begun.wait()
            os.kill(os.getpid(), signal.SIGTERM)
            await readiness.ending.wait()
            answer = await http.get(probe)
            assert (answer.status_code, answer.json()["missing"]) == (503, {"process": "it is ending"})
            go_on.set()
            assert (await running).text == '"done"'
        finally:
            go_on.set()
            os.kill(os.getpid(), signal.SIGTERM)
            await process


async def test_a_taken_port_is_named_with_its_setting() -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        at = Address(host=LOOPBACK, port=taken.getsockname()[1])
        management, _ = http_servers(api(), ANY_PORT, at)
        with pytest.raises(Misconfigured, match="Set WAYPOST_MANAGEMENT_ADDRESS to a free port, or to `public`"):
            await management.start()
        await management.stop()
