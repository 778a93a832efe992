"""The export of a person's data."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.users.commands.identity import ActingUser
from services.users.domain import DataExport
from waypost.kernel.command import Command


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestExport(Command[DataExport]):
    """Prepares a file with the data of a user. Returns the earlier export if it is recent."""

    user_id: UUID
    export_id: UUID
    """The id of a new export."""
    actor: ActingUser
    at: datetime
