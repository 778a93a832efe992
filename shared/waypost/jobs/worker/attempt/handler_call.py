"""The call of a job's handler, within its time limit."""

import asyncio
from collections.abc import Mapping
from typing import Any

from waypost.engine.periodic_loop import is_asked_to_stop
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job
from waypost.jobs.worker.attempt.state import Attempt
from waypost.kernel.errors import Permanent, WaypostError


class AttemptAborted(WaypostError):
    """The attempt exceeded its time limit, or an operation that it awaited was cancelled."""


def refuse_exhausted(attempt: Attempt) -> None:
    if attempt.is_exhausted:
        limit = attempt.job.max_attempts
        raise Permanent(f"the worker crashed during attempt {limit} of {limit}")


async def call_handler(job: Job, context: JobContext[Any], arguments: Mapping[str, Any]) -> object:
    """Calls the handler within its job's time limit and returns its result. Raises AttemptAborted
    after the limit, and CancelledError when the worker stops.

    A thread that the handler started is not stopped: Python cannot do that.
    """
    limit = asyncio.timeout(job.timeout_seconds)
    try:
        async with limit:
            return await job.handler(context, **arguments)
    except TimeoutError as error:
        if limit.expired():
            raise AttemptAborted(f"the attempt took longer than {job.timeout_seconds:g} s") from error
        raise
    except asyncio.CancelledError as error:
        if is_asked_to_stop():
            raise
        raise AttemptAborted("an operation that the job awaited was cancelled") from error
