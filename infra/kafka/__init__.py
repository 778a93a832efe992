"""The command that creates the topics."""
