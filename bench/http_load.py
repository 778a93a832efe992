"""Sends requests over HTTP/1.1 connections that stay open; takes little CPU."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """Result of a number of requests."""

    per_second: float
    cpu_ms: float
    """User and system time of the server's process per request."""
    latencies_ms: Sequence[float]

    @property
    def p99_ms(self) -> float:
        return sorted(self.latencies_ms)[int(len(self.latencies_ms) * 0.99)]


async def burst(port: int, pid: int, requests: int, connections: int, request: Callable[[int], bytes]) -> Burst:
    """Sends `request(n)` for n from 0, each connection its next one after its response. Raises
    AssertionError for a response that is not 201.
    """
    server, latencies, numbers = psutil.Process(pid), list[float](), iter(range(requests))
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

    cpu, began = _cpu_seconds(server), time.perf_counter()
    await asyncio.gather(*(one_after_another(*streams) for streams in opened))
    seconds = time.perf_counter() - began
    return Burst(
        per_second=requests / seconds,
        cpu_ms=(_cpu_seconds(server) - cpu) / requests * 1000,
        latencies_ms=latencies,
    )


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
