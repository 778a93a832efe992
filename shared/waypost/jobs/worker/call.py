"""Calls the handler within its job's time limit."""

import asyncio
from collections.abc import Mapping
from typing import Any

from waypost.engine.periodic_loop import is_asked_to_stop
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job
from waypost.kernel.errors import Transient


async def call_handler(job: Job, context: JobContext[Any], arguments: Mapping[str, Any]) -> object:
    """Returns the handler's result. Raises Transient after the time limit, and CancelledError when
    the worker stops.

    A thread that the handler started is not stopped: Python cannot do that.
    """
    limit = asyncio.timeout(job.timeout_seconds)
    try:
        async with limit:
            return await job.handler(context, **arguments)
    except TimeoutError as error:
        if limit.expired():
            raise Transient(f"the attempt took longer than {job.timeout_seconds:g} s") from error
        raise
    except asyncio.CancelledError as error:
        if is_asked_to_stop():
            raise
        raise Transient("an operation that the job awaited was cancelled") from error
