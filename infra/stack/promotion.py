"""The two PostgreSQL servers of a stack with a standby, and the change of their roles."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from infra.stack.addresses import Addresses
from infra.stack.servers import Standby, primary_file
from waypost.devstack.supervisor import Supervisor
from waypost.native.errors import SetUpFailed
from waypost.native.folders import reachable_directory
from waypost.native.postgres import Postgres, Replication, ServerPair
from waypost.native.postgres.replication import LOST_COMMITS, SET_ASIDE

STEP = "Promoting the standby"


def pair_of(addresses: Addresses, directory: Path) -> ServerPair | None:
    """The servers of the stack in this folder; None without a standby."""
    servers = addresses.servers
    if servers.standby is Standby.NONE:
        return None
    return ServerPair(
        file=primary_file(directory),
        ports={name: addresses.server_port(name) for name in servers.database_names},
        synchronous=servers.standby is Standby.SYNCHRONOUS,
    )


def replication_of(name: str, addresses: Addresses, directory: Path) -> Replication | None:
    pair = pair_of(addresses, directory)
    return Replication(pair=pair, name=name) if pair else None


async def promote(supervisor: Supervisor, addresses: Addresses, directory: Path) -> str:
    """Ends the primary as a power cut would, makes the standby the primary, and starts the old
    primary as its standby. Returns the name of the old primary. Raises SetUpFailed or StartFailed.

    The supervisor does this itself: it alone knows whether a server is starting, and no Ctrl-C in a
    terminal ends it midway. A supervisor that ends midway has stored the new primary, whose next
    start completes the promotion.
    """
    pair = pair_of(addresses, directory)
    if pair is None:
        raise SetUpFailed(STEP, "the stack has no standby", "run `make down`, then `make up STANDBY=1`")
    new = await _standby_of(pair, supervisor)
    old = pair.other(new)
    pair.set_primary(new)  # first: the old primary starts again as a standby
    with suppress(ProcessLookupError):  # it has never been started
        await _server(supervisor, old).stop_immediately()
    await supervisor.restart([old])  # also one that was starting as the primary
    try:
        await _server(supervisor, new).promote()
    except Exception:
        await supervisor.restart([new])  # its start completes the promotion, until it succeeds
        raise
    return old


async def _standby_of(pair: ServerPair, supervisor: Supervisor) -> str:
    """The server to promote: the appointed primary, if an interrupted promotion left it a standby.
    Raises SetUpFailed if no standby runs.
    """
    standby = pair.other(pair.primary)
    for name in (pair.primary, standby):
        if await _server(supervisor, name).is_in_recovery():
            return name
    raise SetUpFailed(STEP, f"{standby} does not run as a standby", f"look at `make logs NAME={standby}`")


def _server(supervisor: Supervisor, name: str) -> Postgres:
    server = supervisor.server(name)
    if not isinstance(server, Postgres):
        raise TypeError(f"{name} is not PostgreSQL")
    return server


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    primary: str
    standby: str
    """The old primary."""
    lost: Sequence[str]
    """The commits that the new primary lacks: time and transaction id of each."""
    old_data: Path
    """The folder with the data of the old primary."""


def outcome(addresses: Addresses, directory: Path, old: str) -> Promotion:
    """The outcome of the last promotion, once the old primary follows the new one."""
    (new,) = set(addresses.servers.database_names) - {old}
    data = reachable_directory(directory / old)
    lost = (data / LOST_COMMITS).read_text().splitlines()
    return Promotion(primary=new, standby=old, lost=lost, old_data=data / SET_ASIDE)
