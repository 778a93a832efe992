"""Exports, and the data that this service holds about one person, as plain values for a file.

Secrets are left out: hashes and sealed tokens. So are the addresses that the person invited: they
are data of other people, whose erasure would not find them in the file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.users.domain import EXPORTED_SESSIONS, DataExport, User
from services.users.queries.overview import overview_of
from services.users.queries.people import account
from services.users.tables import email_changes, exports, invitations, sessions
from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.ports.unit_of_work import UnitOfWork

Values = dict[str, Any]

_EXPORT = [exports.c[name] for name in ("user_id", "requested_by", "requested_at", "expires_at", "finished_at")]
_EVENTS_PER_QUERY = 500


async def export_of(rows: AsyncConnection, user_id: UUID, at: datetime) -> DataExport | None:
    """None if there is no export, or if it has expired."""
    query = select(exports.c.export_id.label("id"), *_EXPORT)
    row = (await rows.execute(query.where(exports.c.user_id == user_id, exports.c.expires_at > at))).one_or_none()
    return None if row is None else DataExport(**row._mapping)


async def file_of(rows: AsyncConnection, user_id: UUID, at: datetime) -> tuple[UUID, bytes | None] | None:
    """The id and the file, which is None until it is written; None as in `export_of`."""
    query = select(exports.c.export_id, exports.c.file)
    row = (await rows.execute(query.where(exports.c.user_id == user_id, exports.c.expires_at > at))).one_or_none()
    return None if row is None else (row.export_id, row.file)


async def personal_data(rows: AsyncConnection, tenant_id: UUID, user_id: UUID, at: datetime) -> Values:
    """Everything but the history. Raises NotFound for an erased user."""
    person = await account(rows, user_id)
    return {
        "profile": _values(person),
        "email_change": await _one(rows, _email_change(user_id)),
        "sessions": await _all(rows, _sessions(user_id, at)),
        "invitations_sent": await _all(rows, _invitations(user_id)),
        "overview": await overview_of(rows, tenant_id, user_id),
    }


async def history_of(uow: UnitOfWork, user_id: UUID, *, after: int, last: int) -> Sequence[Envelope[Event]]:
    """The next events above the version `after`, up to `last`, with readable personal data."""
    limit = min(last - after, _EVENTS_PER_QUERY)
    return await uow.events.history(User.aggregate_type, user_id, after=after, limit=limit)


def event_values(envelope: Envelope[Event]) -> Values:
    """An event with its fields. Fields of bytes are ciphertexts and sealed tokens."""
    event: Any = envelope.event
    values = {each.name: getattr(event, each.name) for each in fields(event)}
    return {
        "id": envelope.event_id,
        "type": event.type,
        "version": envelope.aggregate_version,
        "occurred_at": envelope.occurred_at,
        "data": {name: value for name, value in values.items() if not isinstance(value, bytes)},
    }


def _values(record: Any) -> Values:
    return {each.name: getattr(record, each.name) for each in fields(record)}


def _email_change(user_id: UUID) -> Select[Any]:
    changes = email_changes.c
    return select(
        changes.email,
        changes.previous_email,
        changes.expires_at,
        changes.cancel_expires_at.label("may_be_cancelled_until"),
    ).where(changes.user_id == user_id)


def _sessions(user_id: UUID, at: datetime) -> Select[Any]:
    of_user = sessions.c
    return (
        select(
            of_user.session_id.label("id"), of_user.user_agent, of_user.opened_at, of_user.used_at, of_user.expires_at
        )
        .where(of_user.user_id == user_id, of_user.expires_at > at)
        .order_by(of_user.opened_at.desc(), of_user.session_id)
        .limit(EXPORTED_SESSIONS)
    )


def _invitations(user_id: UUID) -> Select[Any]:
    sent = invitations.c
    return (
        select(sent.invitation_id.label("id"), sent.role, sent.status, sent.created_at)
        .where(sent.invited_by == user_id)
        .order_by(sent.invitation_id)
    )


async def _all(rows: AsyncConnection, query: Select[Any]) -> Sequence[Mapping[str, Any]]:
    found: Sequence[Row[Any]] = (await rows.execute(query)).all()
    return [{str(name): value for name, value in row._mapping.items()} for row in found]


async def _one(rows: AsyncConnection, query: Select[Any]) -> Mapping[str, Any] | None:
    return next(iter(await _all(rows, query)), None)
