"""Waiting until a started process answers."""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import httpx

from infra.stack.child import Child
from infra.stack.errors import StartFailed, last_lines

POLL_SECONDS = 0.03
HTTP_TIMEOUT_SECONDS = 2

Probe = Callable[[], Awaitable[bool]]


async def until_ready(name: str, child: Child, probe: Probe, deadline_seconds: float) -> None:
    """Returns when `probe` says yes; raises StartFailed when the process ends first, or at the deadline."""
    try:
        async with asyncio.timeout(deadline_seconds):
            while not await probe():
                if not child.running:
                    raise StartFailed(
                        f"{name} ended with code {child.exit_code} while starting:\n{last_lines(child.log)}"
                    )
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        raise StartFailed(f"{name} did not answer within {deadline_seconds:g} s:\n{last_lines(child.log)}") from None


async def accepts_tcp(host: str, port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    return True


async def http_answers(url: str) -> bool:
    """Whether a GET is answered with 200."""
    try:
        async with httpx.AsyncClient(timeout=HTTP_TIMEOUT_SECONDS, trust_env=False) as client:
            return (await client.get(url)).status_code == HTTPStatus.OK
    except httpx.HTTPError:
        return False
