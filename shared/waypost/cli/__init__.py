"""The `waypost` command: looks into a running system, and mends it."""
