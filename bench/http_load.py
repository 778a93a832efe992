"""Sends requests over HTTP/1.1 connections that stay open; takes little CPU."""

import asyncio
import time
from collections.abc import Callable

from bench.frame.cpu import Stopwatch
from bench.frame.row import Sample


async def burst(port: int, pid: int, requests: int, connections: int, request: Callable[[int], bytes]) -> Sample:
    """Sends `request(n)` for n from 0, each connection its next one after its response. The CPU
    time is that of the server `pid`. Raises AssertionError for a response that is not 201.
    """
    latencies, numbers = list[float](), iter(range(requests))
    opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(connections)]

    async def one_after_another(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number in numbers:
            began = time.perf_counter()
            writer.write(request(number))
            head = await reader.readuntil(b"\r\n\r\n")
            _, _, after = head.lower().partition(b"content-length: ")
            body = await reader.readexactly(int(after.partition(b"\r\n")[0]))
            latencies.append((time.perf_counter() - began) * 1000)
            assert head.startswith(b"HTTP/1.1 201"), head + body
        writer.close()

    watch = Stopwatch(pid)
    await asyncio.gather(*(one_after_another(*streams) for streams in opened))
    return watch.sample(requests, latencies)
