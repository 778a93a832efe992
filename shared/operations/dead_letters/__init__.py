"""What an operator does with letters: finds them, has them handled at last, gives them up."""

from shared.operations.dead_letters.discarding import discard
from shared.operations.dead_letters.drained import Drained
from shared.operations.dead_letters.finding import find
from shared.operations.dead_letters.redriving import Redrive, nothing_matches

__all__ = ["Drained", "Redrive", "discard", "find", "nothing_matches"]
