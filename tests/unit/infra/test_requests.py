"""Requests to a running supervisor, and its answers."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from waypost.devstack import supervision
from waypost.devstack.requests import Action, Handler, Request, answer_requests, ask
from waypost.native.errors import SetUpFailed, StartFailed


@asynccontextmanager
async def answering(folder: Path, handle: Handler) -> AsyncIterator[None]:
    task = asyncio.create_task(answer_requests(folder, handle))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_request_is_answered_with_the_components_that_start(tmp_path: Path) -> None:
    heard: list[Request] = []

    async def handle(request: Request) -> Sequence[str]:
        heard.append(request)
        return ["billing-api"]

    wanted = Request(action=Action.RESTART, names=["billing-api"])
    async with answering(tmp_path, handle):
        assert await ask(tmp_path, wanted, runs=lambda: True) == ["billing-api"]
    assert heard == [wanted]
    assert files_in(tmp_path) == [], "files of a request that is done"


@pytest.mark.parametrize(
    ("problem", "shown"),
    [
        (SetUpFailed("Choosing", "there is no nope", "choose"), "there is no nope"),
        (SyntaxError("in services.py"), "SyntaxError: in services.py"),
    ],
)
async def test_a_refusal_reaches_the_person_and_the_next_request_is_answered(
    tmp_path: Path, problem: Exception, shown: str
) -> None:
    outcomes = iter([problem, None])

    async def handle(_: Request) -> Sequence[str]:
        if outcome := next(outcomes):
            raise outcome
        return []

    async with answering(tmp_path, handle):
        with pytest.raises(StartFailed, match=shown):
            await ask(tmp_path, Request(action=Action.START), runs=lambda: True)
        assert await ask(tmp_path, Request(action=Action.START), runs=lambda: True) == []


async def test_a_supervisor_that_has_ended_is_not_waited_for(tmp_path: Path) -> None:
    with pytest.raises(StartFailed, match="did not answer"):
        await ask(tmp_path, Request(action=Action.START), runs=lambda: False)


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_a_supervisor_that_can_answer_no_more_stops_with_the_error(tmp_path: Path) -> None:
    async def handle(_: Request) -> Sequence[str]:
        return []

    (tmp_path / "requests").touch()  # not a folder
    stops = False
    with pytest.raises(FileExistsError):
        async with supervision.answering(tmp_path / "requests", handle) as asked_to_stop:
            async with asyncio.timeout(10):
                await asked_to_stop.wait()
            stops = True
    assert stops
