"""Rebuilds of read models beside the live ones: an async projection from its topics, an inline
projection from the event store.
"""

from waypost.engine.rebuild.async_projection import rebuild_async_projection
from waypost.engine.rebuild.inline_projection import rebuild_inline_projection
from waypost.engine.rebuild.parts import Processes
from waypost.engine.rebuild.swap import Progress, RebuildReport

__all__ = ["Processes", "Progress", "RebuildReport", "rebuild_async_projection", "rebuild_inline_projection"]
