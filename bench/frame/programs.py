"""An arm in a separate process, with a clean heap, and in the peers' environment if it is a peer.

The program does its work once and prints its sample as the last line of its output, as JSON:
`{"units": 1000, "seconds": 1.5, "cpu_seconds": 1.2, "latencies_ms": [], "further": {}}`. The last
two may be missing. So its start and the preparation of the work need not count.
"""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict

from bench.frame.environment import environment
from bench.frame.row import Sample
from infra.stack.places import CHECKOUT

STOP_SECONDS = 60.0
"""For a program that stops a whole stack."""


async def run_program(*command: str) -> Sample:
    return Sample(**json.loads(await output_of(*command)))


async def output_of(*command: str) -> str:
    """The last line of the output. Raises AssertionError with the errors if the program fails."""
    async with program(*command) as process:
        return await last_line(process)


async def sample_of(process: asyncio.subprocess.Process, given: bytes) -> Sample:
    """The sample of a program that waits for this input."""
    return Sample(**json.loads(await last_line(process, given)))


async def last_line(process: asyncio.subprocess.Process, given: bytes | None = None) -> str:
    output, errors = await process.communicate(given)
    lines = output.decode().splitlines()
    assert process.returncode == 0, f"a program failed: {errors.decode()[-2000:]}"
    assert lines, "a program printed nothing"
    return lines[-1]


async def wait_until_ready(process: asyncio.subprocess.Process) -> None:
    """Waits for the line `ready`. Raises AssertionError with the errors of a program that ends
    before.
    """
    assert process.stdout
    assert process.stderr
    if await process.stdout.readline() != b"ready\n":
        raise AssertionError(f"a program did not become ready: {(await process.stderr.read()).decode()[-2000:]}")


@asynccontextmanager
async def program(*command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A running program with pipes. If it still runs at the end, it and its children are stopped,
    as by Ctrl+C.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        env=environment(),
        cwd=CHECKOUT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            await _stop(process)


async def _stop(process: asyncio.subprocess.Process) -> None:
    """Raises ProcessLookupError if the program has ended."""
    os.killpg(process.pid, signal.SIGINT)
    with suppress(TimeoutError):
        async with asyncio.timeout(STOP_SECONDS):
            await process.communicate()
    os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def print_sample(sample: Sample) -> None:
    print(json.dumps(asdict(sample)))
