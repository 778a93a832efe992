"""The two PostgreSQL servers of a stack with a standby, and the change of their roles."""

import asyncio
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from infra.stack.addresses import Addresses
from infra.stack.client import Client
from infra.stack.keys import load_or_make_keys
from infra.stack.servers import Standby, primary_file
from waypost.devstack.status_board import Line
from waypost.native.errors import SetUpFailed, StartFailed
from waypost.native.postgres import Postgres, Replication, ServerPair
from waypost.native.postgres.replication import LOST_COMMITS, SET_ASIDE

STEP = "Promoting the standby"
END_SECONDS = 10
POLL_SECONDS = 0.1


def pair_of(addresses: Addresses, directory: Path) -> ServerPair | None:
    """The servers of the stack in this folder; None without a standby."""
    servers = addresses.servers
    if servers.standby is Standby.NONE:
        return None
    return ServerPair(
        file=primary_file(directory),
        ports={name: addresses.port(name) for name in servers.database_names},
        synchronous=servers.standby is Standby.SYNCHRONOUS,
    )


def replication_of(name: str, addresses: Addresses, directory: Path) -> Replication | None:
    pair = pair_of(addresses, directory)
    return Replication(pair=pair, name=name) if pair else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    primary: str
    standby: str
    """The old primary."""
    lost: Sequence[str]
    """The commits that the new primary lacks: time and transaction id of each."""
    old_data: Path
    """The folder with the data of the old primary."""


async def promote(client: Client) -> Promotion:
    """Ends the primary as a power cut would, makes the standby the primary, and waits until the old
    primary follows it. Raises SetUpFailed or StartFailed.
    """
    pair = pair_of(client.addresses, client.directory)
    if pair is None:
        raise SetUpFailed(STEP, "the stack has no standby", "run `make down`, then `make up STANDBY=1`")
    old, new = pair.primary, pair.other(pair.primary)
    board = client.board()
    lines = {line.name: line for line in board.lines} if board else {}
    if new not in lines or lines[new].pid is None:
        raise SetUpFailed(STEP, f"{new} does not run", f"look at `make logs NAME={new}`")
    pair.set_primary(new)  # first: the supervisor starts the old primary again, as a standby
    if old in lines:
        await _end(lines[old])
    password = load_or_make_keys(client.directory / "keys").secrets.superuser
    standby = Postgres(
        client.directory / new,
        port=pair.ports[new],
        password=password,
        replication=Replication(pair=pair, name=new),
    )
    await standby.promote()
    await client.watch_until_up(names=[old])
    old_data = Postgres(client.directory / old, port=pair.ports[old], password=password).data
    lost = old_data.with_name(LOST_COMMITS).read_text().splitlines()
    return Promotion(primary=new, standby=old, lost=lost, old_data=old_data.with_name(SET_ASIDE))


async def _end(line: Line) -> None:
    """Ends the server and its processes at once, without a checkpoint."""
    if line.pid is None:
        return
    with suppress(ProcessLookupError):
        os.kill(line.pid, signal.SIGQUIT)
        os.kill(line.pid, signal.SIGCONT)
    try:
        async with asyncio.timeout(END_SECONDS):
            while _runs(line.pid):  # noqa: ASYNC110 - another process is its parent
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        raise StartFailed(f"{line.name} (pid {line.pid}) did not end: two primaries would diverge") from None


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
