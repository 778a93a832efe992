"""It gives the value, or fails with the last one; a signal saves it from looking in between."""

import asyncio

import pytest

from waypost.testing import eventually


async def test_it_gives_the_first_true_value() -> None:
    values = iter([0, "", None, 7])
    assert await eventually(lambda: next(values)) == 7


async def test_an_assertion_that_fails_counts_as_not_yet_and_is_raised_at_the_deadline() -> None:
    looks = 0

    async def condition() -> bool:
        nonlocal looks
        looks += 1
        assert looks > 2, f"look {looks}"
        return True

    assert await eventually(condition)
    looks = -1000
    with pytest.raises(AssertionError, match=r"look -\d+"):
        await eventually(condition, deadline_seconds=0)


async def test_the_message_has_the_last_value() -> None:
    with pytest.raises(AssertionError, match=r"not within 0 s; the last value was \[\]"):
        await eventually(list, deadline_seconds=0)


async def test_another_error_is_raised_at_once() -> None:
    with pytest.raises(ZeroDivisionError):
        await eventually(lambda: 1 / 0, deadline_seconds=1000)


async def test_with_a_signal_it_looks_once_for_each() -> None:
    changed, looks = asyncio.Event(), 0

    def condition() -> bool:
        nonlocal looks
        looks += 1
        return looks == 3

    waiting = asyncio.create_task(eventually(condition, signal=changed, deadline_seconds=1000))
    for seen in (1, 2):
        while looks < seen or changed.is_set():  # noqa: ASYNC110 - until the other task has looked and waits
            await asyncio.sleep(0)
        assert looks == seen
        changed.set()
    assert await waiting
    assert looks == 3


async def test_a_pause_is_as_long_as_the_evaluation_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    now, durations, pauses = loop.time(), iter([0.0, 3.0, 30.0, 0.0]), list[float]()

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    def condition() -> bool:
        nonlocal now
        now += next(durations)
        return len(pauses) == 3

    with monkeypatch.context() as patch:
        patch.setattr(asyncio, "sleep", pause)
        patch.setattr(loop, "time", lambda: now)
        await eventually(condition, deadline_seconds=36)
    assert pauses == pytest.approx([0.02, 3.0, 3.0]), "the last one ends at the deadline"
