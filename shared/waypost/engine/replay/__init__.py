"""Replay of a reactor on an operator's order: selects events that it handled, then delivers them
key by key.
"""

from waypost.engine.replay.redelivery import FailedDelivery, Redelivered, Redelivery
from waypost.engine.replay.selection import SelectedEvents, Selection, find

__all__ = ["FailedDelivery", "Redelivered", "Redelivery", "SelectedEvents", "Selection", "find"]
