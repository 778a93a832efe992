"""What an operator does with letters: finds them, has them handled at last, gives them up."""

from waypost.operations.dead_letters.discarding import discard
from waypost.operations.dead_letters.drained import Drained
from waypost.operations.dead_letters.finding import find
from waypost.operations.dead_letters.redriving import Redrive, nothing_matches

__all__ = ["Drained", "Redrive", "discard", "find", "nothing_matches"]
