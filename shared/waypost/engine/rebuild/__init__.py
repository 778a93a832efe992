"""Read rows made anew while the old ones serve: a projector's from its topics, a projection's from
the event store.
"""

from waypost.engine.rebuild.projection import rebuild_projection
from waypost.engine.rebuild.projector import rebuild
from waypost.engine.rebuild.report import Progress, RebuildReport

__all__ = ["Progress", "RebuildReport", "rebuild", "rebuild_projection"]
