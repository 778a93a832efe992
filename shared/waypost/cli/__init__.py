"""The `waypost` command: looks into a running system, and mends it."""

from waypost.cli.main import main

__all__ = ["main"]
