"""The topics, declared."""
