"""The real story over HTTP, told step by step; a step counts when it was observed."""

from infra.demo.story import tell

__all__ = ["tell"]
