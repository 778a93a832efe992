"""The part of a consumer's declaration that operators see. Loads neither handlers nor tables: a
command reads it from the database.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class ConsumerKind(StrEnum):
    """The kind of a consumer, as operators see it in JSON and in the command."""

    ASYNC_PROJECTION = "async-projection"
    REACTOR = "reactor"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredConsumer:
    group: str
    """The consumer's full name, `<service>.<name>`."""
    kind: ConsumerKind
    topics: Sequence[str]
