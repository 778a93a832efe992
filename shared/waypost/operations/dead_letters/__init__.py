"""Operations on dead letters: find, redrive, discard, adopt."""

from waypost.operations.dead_letters.adopt import Adopted, adopt
from waypost.operations.dead_letters.discard import Discard, discard
from waypost.operations.dead_letters.redrive import Redrive, RedriveResult, nothing_matches
from waypost.operations.dead_letters.selection import find

__all__ = ["Adopted", "Discard", "Redrive", "RedriveResult", "adopt", "discard", "find", "nothing_matches"]
