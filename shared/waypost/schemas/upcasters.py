"""Functions that convert events of a retired type, or with an old meaning, to current events."""

from collections.abc import Callable, Mapping

from waypost.kernel.event import Event

Upcasters = Mapping[tuple[str, int], Callable[[Event], Event]]
"""(event type, version) → function."""
