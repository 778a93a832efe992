"""An exception that does not derive from `Exception`, such as the panic of a Rust extension, is a
handler's error like any other.
"""

from itertools import count
from typing import Any

import pytest

from tests.fixtures.club import Stage
from waypost.kernel.envelope import Envelope
from waypost.testing.eventually import eventually


class RustPanic(BaseException):
    """As `pyo3_runtime.PanicException`."""


@pytest.mark.parametrize("panics", [1, 2, 3])
async def test_panics_of_a_handler_are_retried(stage: Stage, panics: int) -> None:
    """The first is in the batch, the second in the one event's transaction, the third in a
    retry.
    """
    ann, tries = stage.user(), count(1)

    def panic_at_first(envelope: Envelope[Any]) -> None:
        if next(tries) <= panics:
            raise RustPanic("index out of bounds")

    stage.club.trouble = panic_at_first
    await stage.topic.publish(*ann.tells("Ann", "Anna"))
    async with stage.consuming(stage.club.greetings) as group:

        async def both_greeted() -> bool:
            return await stage.greeted(ann) == [[1, 2]]

        await eventually(both_greeted)
        await group.makes_progress()
    assert await stage.parked() == []
