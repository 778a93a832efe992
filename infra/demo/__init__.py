"""The demo: a scenario over HTTP in steps. Each step counts only once its effect was observed."""

from infra.demo.story import tell

__all__ = ["tell"]
