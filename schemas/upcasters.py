"""How events that were stored under a retired type, or with an old meaning, read today.

A change that resolution cannot bridge is published as a new type name; the old type's rows stay as they are. Here an entry (type, version)
turns what such a row says into an event of the new type. It is applied once, after the row was read with the old type's newest schema.
"""

from collections.abc import Callable, Mapping

from shared.kernel.event import Event

Upcasters = Mapping[tuple[str, int], Callable[[Event], Event]]

UPCASTERS: Upcasters = {}
