"""An arm in a separate process, with a clean heap, and in the peers' environment if it is a peer.

The program does its work once and prints its sample as the last line of its output, as JSON:
`{"units": 1000, "seconds": 1.5, "cpu_seconds": 1.2, "latencies_ms": [], "further": {}}`. The last
two may be missing. So its start and the preparation of the work need not count.
"""

import asyncio
import json
from dataclasses import asdict

from bench.frame.row import Sample
from infra.stack.places import CHECKOUT, inherited


async def run_program(*command: str) -> Sample:
    return Sample(**json.loads(await output_of(*command)))


async def output_of(*command: str) -> str:
    """The last line of the output. Raises AssertionError with the errors if the program fails."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env=inherited(),
        cwd=CHECKOUT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    assert process.returncode == 0, f"{' '.join(command[1:4])} failed: {errors.decode()[-2000:]}"
    return output.decode().splitlines()[-1]


def print_sample(sample: Sample) -> None:
    print(json.dumps(asdict(sample)))
