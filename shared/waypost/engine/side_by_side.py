"""Coroutines that belong together."""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any, TypeVar

from waypost.engine.relay.state import first_error_of_group

R = TypeVar("R")


async def side_by_side(coroutines: Iterable[Coroutine[Any, Any, R]]) -> Sequence[R]:
    """Runs the coroutines as tasks and returns their results. The first error cancels the others,
    and is raised after their end.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(coroutine) for coroutine in coroutines]
    except BaseExceptionGroup as errors:
        raise first_error_of_group(errors) from None
    return [task.result() for task in tasks]
