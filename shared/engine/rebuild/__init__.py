"""Read rows made anew while the old ones serve: a projector's from its topics, a projection's from the event store."""

from shared.engine.rebuild.projection import rebuild_projection
from shared.engine.rebuild.projector import rebuild
from shared.engine.rebuild.report import Progress, RebuildReport

__all__ = ["Progress", "RebuildReport", "rebuild", "rebuild_projection"]
