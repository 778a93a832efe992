"""Requests to a running supervisor. Each is a file in the stack's folder; only the stack's account
can write there.

The client writes `requests/<id>.json`. The supervisor handles one request at a time and writes
`<id>.reply`. Files work on every system and in folders whose path is too long for the name of a
socket.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from waypost.kernel.ids import new_id
from waypost.native.errors import SetUpFailed, StartFailed

POLL_SECONDS = 0.1
WATCH_SECONDS = 0.5
"""Pause of the supervisor between two looks for requests."""
REPLY_SECONDS = 60


class Action(StrEnum):
    START = "start"
    """Start the declared components that do not run; `names` limits it to these components and
    their dependencies.
    """
    RESTART = "restart"
    """Restart these components; the name of a service means all of its processes."""
    PROMOTE = "promote"
    """Make the standby of PostgreSQL the primary."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    action: Action
    names: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisorReply:
    names: Sequence[str] = ()
    """Components that start now."""
    refusal: str = ""


Handler = Callable[[Request], Awaitable[Sequence[str]]]
"""Returns the names of the components that start now. Raises SetUpFailed."""


async def ask(folder: Path, request: Request, *, runs: Callable[[], bool]) -> Sequence[str]:
    """Sends a request and returns the names of the components that start now. Raises StartFailed if
    the supervisor refuses it or does not answer.
    """
    deadline = time.monotonic() + REPLY_SECONDS
    folder.mkdir(exist_ok=True)
    file = folder / f"{new_id()}.json"
    reply = file.with_suffix(".reply")
    write_whole(file, json.dumps(asdict(request)))
    try:
        while not reply.exists():
            if not runs() or time.monotonic() > deadline:
                raise StartFailed("the supervisor did not answer: stop the stack, then start it")
            await asyncio.sleep(POLL_SECONDS)
        received = SupervisorReply(**json.loads(reply.read_text()))
    finally:
        file.unlink(missing_ok=True)
        reply.unlink(missing_ok=True)
    if received.refusal:
        raise StartFailed(received.refusal)
    return received.names


async def answer_waiting(folder: Path, handle: Handler) -> None:
    """Answers the requests that wait in the folder. A request may be older than the supervisor, if
    a client sent it during the start.
    """
    for file in sorted(folder.glob("*.json")):
        reply = await reply_to(file, handle)
        if file.exists():  # otherwise the client has given up
            write_whole(file.with_suffix(".reply"), json.dumps(asdict(reply)))
            file.unlink(missing_ok=True)


async def reply_to(file: Path, handle: Handler) -> SupervisorReply:
    try:
        request = json.loads(file.read_text())
        return SupervisorReply(names=await handle(Request(action=Action(request["action"]), names=request["names"])))
    except SetUpFailed as refused:
        return SupervisorReply(refusal=str(refused))
    except Exception as error:  # noqa: BLE001 - the client shows the error; the supervisor continues
        return SupervisorReply(refusal=f"{type(error).__name__}: {error}")


def write_whole(file: Path, text: str, *, mode: int = 0o666) -> None:
    """Writes atomically, so that readers never see a partial file."""
    unfinished = file.with_suffix(".unfinished")
    unfinished.touch(mode=mode)
    unfinished.write_text(text)
    unfinished.replace(file)
