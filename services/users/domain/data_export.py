"""The export of a person's data (GDPR, articles 15 and 20)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

EXPORT_LIFETIME = timedelta(days=1)
"""Then the file is no longer served, and the next night deletes it."""
EXPORT_PAUSE = timedelta(minutes=15)
"""A request within this time of the last one returns the export of the last one."""
EXPORTS_OF_TENANT = 100
"""Exports that have not expired, of which the owner requested, and as many that people requested of
their own data: neither can use up the exports of the other. The files are rows of the database.
"""
EXPORTED_EVENTS = 20_000
"""The newest events of a history; about 6 MB."""
EXPORTED_SESSIONS = 1_000
"""The newest sessions of a person."""


class ExportStatus(StrEnum):
    PREPARING = "preparing"
    READY = "ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataExport:
    """One export. A person has one at most."""

    id: UUID
    user_id: UUID
    requested_by: UUID
    requested_at: datetime
    expires_at: datetime
    finished_at: datetime | None = None

    @property
    def status(self) -> ExportStatus:
        return ExportStatus.PREPARING if self.finished_at is None else ExportStatus.READY
