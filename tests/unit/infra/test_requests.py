"""Requests to a running supervisor, and its answers."""

import errno
from collections.abc import Sequence
from pathlib import Path

import pytest

from waypost.devstack import requests
from waypost.devstack.requests import Action, Request, ask
from waypost.devstack.supervision import answering
from waypost.native.errors import SetUpFailed, StartFailed


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


async def test_an_answer_that_cannot_be_written_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, errors = requests.write_whole, [OSError(errno.ENOSPC, "the disk is full")]

    def write_later(file: Path, text: str) -> None:
        if file.suffix == ".reply" and errors:
            raise errors.pop()
        write(file, text)

    monkeypatch.setattr(requests, "write_whole", write_later)
    async with answering(tmp_path, no_names) as asked_to_stop:
        assert await ask(tmp_path, Request(action=Action.START), runs=lambda: True) == []
        assert not asked_to_stop.is_set()
    assert not errors


async def test_a_folder_that_is_a_file_is_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "requests").touch()
    with pytest.raises(FileExistsError):
        async with answering(tmp_path / "requests", no_names):
            pass


async def no_names(_: Request) -> Sequence[str]:
    return []
