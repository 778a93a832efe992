"""Functions that read events of a retired type, or with an old meaning, as today's events."""

from collections.abc import Callable, Mapping

from waypost.kernel.event import Event

Upcasters = Mapping[tuple[str, int], Callable[[Event], Event]]
"""(event type, version) → function."""
