"""What an operator does with letters: finds them, has them handled at last, gives them up."""

from waypost.operations.dead_letters.discarding import discard
from waypost.operations.dead_letters.finding import find
from waypost.operations.dead_letters.redrive_result import RedriveResult
from waypost.operations.dead_letters.redriving import Redrive, nothing_matches

__all__ = ["Redrive", "RedriveResult", "discard", "find", "nothing_matches"]
