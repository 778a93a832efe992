"""The handler's call, within the time that its job allows."""

import asyncio
from collections.abc import Mapping
from typing import Any

from waypost.engine.periodic_loop import is_asked_to_stop
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job
from waypost.kernel.errors import Transient


async def call_handler(job: Job, context: JobContext[Any], arguments: Mapping[str, Any]) -> object:
    """Returns what the handler returns. Raises Transient for an attempt that took too long, and
    CancelledError when the worker stops it.

    A thread that the handler started is not stopped: Python has no means to do so.
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
        raise Transient("something that the job waited for was cancelled") from error
