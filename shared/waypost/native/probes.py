"""Waits until a started process answers."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import closing
from http import HTTPStatus
from urllib.parse import urlsplit

from waypost.native.child import Child
from waypost.native.errors import StartFailed, last_lines

POLL_SECONDS = 0.03
HTTP_TIMEOUT_SECONDS = 2

Probe = Callable[[], Awaitable[bool]]


async def until_ready(name: str, child: Child, probe: Probe, deadline_seconds: float) -> None:
    """Returns when `probe` returns True. Raises StartFailed if the process ends first, or at the
    deadline.
    """
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
    """True if a TCP connection succeeds."""
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    return True


async def is_url_reachable(url: str) -> bool:
    """True if a GET request to this machine is answered with 200. Uses a plain connection: the
    set-up of a client library costs more than the request.
    """
    address = urlsplit(url)
    try:
        async with asyncio.timeout(HTTP_TIMEOUT_SECONDS):
            reader, writer = await asyncio.open_connection(address.hostname, address.port)
            with closing(writer):
                request = f"GET {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nConnection: close\r\n\r\n"
                writer.write(request.encode())
                status_line = await reader.readline()
    except (OSError, TimeoutError):
        return False
    return status_line.split()[1:2] == [str(HTTPStatus.OK.value).encode()]
