"""Operations on dead letters: find, redrive, discard."""

from waypost.operations.dead_letters.discard import Discard, discard
from waypost.operations.dead_letters.redrive import Redrive, RedriveResult, nothing_matches
from waypost.operations.dead_letters.selection import find

__all__ = ["Discard", "Redrive", "RedriveResult", "discard", "find", "nothing_matches"]
