"""Requests to a running supervisor. Each is a file in the stack's folder, which only the stack's
account can write.

The client writes `requests/<id>.json`. The supervisor handles one request at a time and writes
`<id>.answer`. Files work on every system and in folders whose path is too long for the name of a
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
ANSWER_SECONDS = 60


class Action(StrEnum):
    START = "start"
    """Start what is declared and does not run; `names` limits it to these and their dependencies.
    """
    RESTART = "restart"
    """Restart these components; the name of a service means all of its processes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    action: Action
    names: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    names: Sequence[str] = ()
    """Components that start now."""
    refusal: str = ""


Handler = Callable[[Request], Awaitable[Sequence[str]]]
"""Gives the names of the components that start now. Raises SetUpFailed."""


async def ask(folder: Path, request: Request, *, runs: Callable[[], bool]) -> Sequence[str]:
    """The components that start now. Raises StartFailed with the supervisor's refusal, or where it
    does not answer.
    """
    deadline = time.monotonic() + ANSWER_SECONDS
    folder.mkdir(exist_ok=True)
    file = folder / f"{new_id()}.json"
    answer = file.with_suffix(".answer")
    write_whole(file, json.dumps(asdict(request)))
    try:
        while not answer.exists():
            if not runs() or time.monotonic() > deadline:
                raise StartFailed("the supervisor did not answer: stop the stack, then start it")
            await asyncio.sleep(POLL_SECONDS)
        given = Answer(**json.loads(answer.read_text()))
    finally:
        file.unlink(missing_ok=True)
        answer.unlink(missing_ok=True)
    if given.refusal:
        raise StartFailed(given.refusal)
    return given.names


async def answer_requests(folder: Path, handle: Handler) -> None:
    """Until cancelled. A request may be older than the supervisor: its client asked while this one
    started.
    """
    folder.mkdir(exist_ok=True)
    while True:
        for file in sorted(folder.glob("*.json")):
            answer = await answer_to(file, handle)
            if file.exists():  # else its client has gone
                write_whole(file.with_suffix(".answer"), json.dumps(asdict(answer)))
                file.unlink(missing_ok=True)
        await asyncio.sleep(POLL_SECONDS)


async def answer_to(file: Path, handle: Handler) -> Answer:
    try:
        given = json.loads(file.read_text())
        return Answer(names=await handle(Request(action=Action(given["action"]), names=given["names"])))
    except SetUpFailed as refused:
        return Answer(refusal=str(refused))
    except Exception as error:  # noqa: BLE001 - the person who asked sees it; the supervisor goes on
        return Answer(refusal=f"{type(error).__name__}: {error}")


def write_whole(file: Path, text: str, *, mode: int = 0o666) -> None:
    """Writes atomically, so that readers never see a partial file."""
    unfinished = file.with_suffix(".unfinished")
    unfinished.touch(mode=mode)
    unfinished.write_text(text)
    unfinished.replace(file)
