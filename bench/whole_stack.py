"""B1b: the same as B1 on a whole stack: every process runs, and traces are on as shipped, so that
each process records 10 new traces per second.
"""

import asyncio
import base64
import json
import os
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from bench.billing_api import Api, bare
from bench.frame.row import CPU, OURS, P99, RATE, Arm, Goal, Row, Scale
from bench.frame.servers import Servers
from bench.writes import PEER
from infra.stack.addresses import Addresses
from infra.stack.places import CHECKOUT, stack_directory
from tests.fixtures.ports import free_port_base
from tests.fixtures.stack import CommandLine
from waypost.native.folders import reachable_directory
from waypost.testing.eventually import eventually
from waypost.testing.folders import scratch_folder


@asynccontextmanager
async def whole_stack() -> AsyncIterator[Servers]:
    stack = CommandLine(free_port_base())
    directory = stack_directory(stack.addresses.port_base)
    with scratch_folder() as folder:
        try:
            started = await stack("up")
            assert started.code == 0, started.text
            variables = environment_of("billing", directory)
            yield Servers(
                folder=folder,
                admin_dsn=variables["WAYPOST_OWNER_DSN"],
                bootstrap=variables["WAYPOST_KAFKA_BOOTSTRAP"],
                stack=stack.addresses,
            )
        finally:
            await stack("down")
            for remains in (reachable_directory(directory / "postgres"), directory):
                shutil.rmtree(remains, ignore_errors=True)


def environment_of(service: str, directory: Path) -> Mapping[str, str]:
    lines = (directory / "environment" / f"{service}.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


@asynccontextmanager
async def arms(servers: Servers, scale: Scale) -> AsyncIterator[Sequence[Arm]]:
    assert servers.stack is not None
    variables = environment_of("billing", stack_directory(servers.stack.port_base))
    ours = await api_of(servers.stack)
    owner = variables["WAYPOST_OWNER_DSN"]
    async with bare(servers, owner) as peer:
        yield [
            await ours.arm(OURS, variables["WAYPOST_APP_DSN"], scale.units),
            await peer.arm(PEER, owner, scale.units),
        ]


async def api_of(stack: Addresses) -> Api:
    """The stack's billing API, with a user that billing knows."""
    token = await development_token(stack)
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    headers, port = {"Authorization": f"Bearer {token}"}, stack.port("billing-api")
    api = Api(port=port, pid=pid_of(port), headers=headers, customer_id=claims["sub"])

    async def customer_is_known() -> bool:
        try:
            await api.burst(1)
        except AssertionError:
            return False
        return True

    await eventually(customer_is_known, deadline_seconds=60)
    return api


async def development_token(stack: Addresses) -> str:
    environment = {**os.environ, "WAYPOST_PORT_BASE": str(stack.port_base)}
    command = await asyncio.create_subprocess_exec(
        *(CHECKOUT / "bin" / "waypost", "token", "--dev"), env=environment, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await command.communicate()
    return printed.decode().strip()


def pid_of(port: int) -> int:
    """The process that listens on the port."""
    listening = (each for each in psutil.net_connections("tcp") if each.status == psutil.CONN_LISTEN)
    (pid,) = {each.pid for each in listening if each.laddr and each.laddr.port == port}
    assert pid is not None
    return pid


ROWS = [
    Row(
        id="B1b",
        work="POST /invoices as in B1, with the whole stack running, 10 traces per second recorded as shipped",
        unit="request",
        goals=[
            Goal(measure=RATE, bound=0.4),
            Goal(measure=P99, bound=2),
            Goal(measure=CPU, bound=1300, relative=False),
        ],
        arms=arms,
        scale=Scale(units=500),
        servers=whole_stack,
    )
]
