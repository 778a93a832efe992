"""The servers of a stack: one or three brokers, with or without a standby of PostgreSQL. The choice
is stored in the stack's folder, so that every later command and start finds it.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Self

from waypost.native.errors import SetUpFailed
from waypost.native.primary_file import stored_primary

STEP = "Choosing the servers"
BROKERS = (1, 3)


class Standby(StrEnum):
    NONE = "0"
    SYNCHRONOUS = "1"
    """A commit is acknowledged when the standby has it on disk: a promotion loses nothing."""
    ASYNCHRONOUS = "async"
    """A promotion loses the last commits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    brokers: int = 1
    standby: Standby = Standby.NONE
    secure: bool = False
    """Connections to Kafka, PostgreSQL and the mail server are encrypted, and clients sign in."""

    @property
    def broker_names(self) -> Sequence[str]:
        return ("kafka", *(f"kafka-{node}" for node in range(2, self.brokers + 1)))

    @property
    def database_names(self) -> Sequence[str]:
        return ("postgres",) if self.standby is Standby.NONE else ("postgres", "postgres-standby")

    @classmethod
    def stored_in(cls, directory: Path) -> Self:
        """The servers that were chosen for the stack in this folder."""
        file = _file(directory)
        if not file.exists():
            return cls()
        stored = json.loads(file.read_text())
        return cls(brokers=stored["brokers"], standby=Standby(stored["standby"]), secure=stored.get("secure", False))

    @classmethod
    def choose(
        cls,
        directory: Path,
        *,
        brokers: int | None,
        standby: Standby | None,
        secure: bool | None = None,
        is_running: bool = False,
    ) -> Self:
        """Stores a choice; None keeps the stored one. Raises SetUpFailed for another number of
        brokers than the data has, and for any change while the stack runs.
        """
        stored = cls.stored_in(directory)
        chosen = replace(
            stored,
            brokers=stored.brokers if brokers is None else brokers,
            standby=stored.standby if standby is None else standby,
            secure=stored.secure if secure is None else secure,
        )
        if chosen == stored:
            return stored
        if chosen.brokers not in BROKERS:
            raise SetUpFailed(STEP, f"{chosen.brokers} brokers are neither one nor a cluster of three", "choose 1 or 3")
        if is_running:
            remedy = "run `make down`, then the same `make up` again"
            raise SetUpFailed(STEP, "the stack runs with other servers", remedy)
        if chosen.brokers != stored.brokers and _has_broker_data(directory):
            reason = f"the topics of this stack are on {stored.brokers} broker(s), and would not follow to others"
            remedy = f"remove {directory} with all data, or start a new stack with another WAYPOST_PORT_BASE"
            raise SetUpFailed(STEP, reason, remedy)
        if stored_primary(primary_file(directory), stored.database_names[0]) not in chosen.database_names:
            raise SetUpFailed(STEP, "the standby is the primary now", "start it as before and run `make promote` first")
        directory.mkdir(parents=True, exist_ok=True)
        _file(directory).write_text(json.dumps(asdict(chosen)))
        return chosen


def primary_file(directory: Path) -> Path:
    """The file with the name of PostgreSQL's primary; it exists after a promotion."""
    return directory / "primary"


def _file(directory: Path) -> Path:
    return directory / "servers.json"


def _has_broker_data(directory: Path) -> bool:
    return (directory / "kafka").exists()
