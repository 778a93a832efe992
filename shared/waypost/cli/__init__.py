"""The `waypost` command: develops a project, and inspects and repairs a running system."""
