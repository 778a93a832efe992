"""Writes the file of an export."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson

from services.users.domain import EXPORTED_EVENTS
from services.users.handlers.exports import finish_export
from services.users.ports import JobResources
from services.users.queries.exports import event_values, export_of, history_of, personal_data
from waypost.jobs.context import JobContext
from waypost.kernel.errors import NotFound


async def export_user(job: JobContext[JobResources], user_id: UUID, export_id: UUID) -> bool:
    """Writes the data of a person into their export. Returns whether it was stored: not for a
    person who was erased meanwhile.

    No transaction grows with the history: each part of it is read in a separate one. The last one
    stores the file only if the row of the export is still there.
    """
    content = await _content(job, user_id, export_id)
    if content is None:
        return False
    async with job.begin() as uow:
        return await finish_export(user_id, export_id, content, job.clock.now(), uow)


async def _content(job: JobContext[JobResources], user_id: UUID, export_id: UUID) -> bytes | None:
    """The file; None if the export was replaced or deleted, or the person erased."""
    now = job.clock.now()
    async with job.begin() as uow:
        export = await export_of(uow.rows, user_id, now)
        if export is None or export.id != export_id:
            return None
        try:
            data = await personal_data(uow.rows, job.tenant_id, user_id, now)
        except NotFound:
            return None
    version: int = data["profile"]["version"]
    first = max(version - EXPORTED_EVENTS, 0)
    head = {"user_id": user_id, "exported_at": now, **data, "history_begins_at_version": first + 1}
    return _document(head, await _history(job, user_id, after=first, last=version))


async def _history(job: JobContext[JobResources], user_id: UUID, *, after: int, last: int) -> Sequence[bytes]:
    """The events up to the version `last`, each as JSON."""
    events: list[bytes] = []
    while after < last:
        async with job.begin() as uow:
            part = await history_of(uow, user_id, after=after, last=last)
        if not part:
            break
        events += [_json(event_values(envelope)) for envelope in part]
        after = part[-1].aggregate_version
    return events


def _document(head: Mapping[str, Any], events: Sequence[bytes]) -> bytes:
    """One JSON object. `history` is put together from its parts, so that it is encoded once."""
    return _json(head)[:-1] + b',"history":[' + b",".join(events) + b"]}"


def _json(value: Any) -> bytes:
    return orjson.dumps(value, default=_plain)


def _plain(value: object) -> object:
    if isinstance(value, UUID):  # the driver's class, which orjson does not know
        return str(value)
    raise TypeError(f"an export cannot contain a value of {type(value).__name__}")
