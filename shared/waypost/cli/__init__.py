"""The `waypost` command: inspects and repairs a running system."""
