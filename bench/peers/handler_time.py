"""The duration of a handler, for the benchmarks of consumers."""

import asyncio
import time


async def take(microseconds: int) -> None:
    """Waits from 1 ms on, as for another server. Computes for a shorter time, which no event loop
    can wait for.
    """
    if microseconds >= 1000:
        await asyncio.sleep(microseconds / 1_000_000)
        return
    until = time.perf_counter() + microseconds / 1_000_000
    while time.perf_counter() < until:
        pass
