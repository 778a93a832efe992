"""Operations on dead letters: find, redrive, discard."""

from waypost.operations.dead_letters.redrive import Redrive, RedriveResult, discard, nothing_matches
from waypost.operations.dead_letters.selection import find

__all__ = ["Redrive", "RedriveResult", "discard", "find", "nothing_matches"]
