"""A reactor's events once more, on an operator's word: found first, then delivered key by key."""

from waypost.engine.replay.finding import Found, Selection, find
from waypost.engine.replay.redelivery import Failed, Redelivered, Redelivery

__all__ = ["Failed", "Found", "Redelivered", "Redelivery", "Selection", "find"]
