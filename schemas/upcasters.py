"""How events that were stored under a retired type, or with an old meaning, read today.

A change that schema resolution cannot bridge is published as a new type name; rows of the old type
stay as they are. An entry (type, version) turns such a row into an event of the new type. It is
applied once, after the row was read with the old type's newest schema.
"""

from waypost.schemas.upcasters import Upcasters

UPCASTERS: Upcasters = {}
