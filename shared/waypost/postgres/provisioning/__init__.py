"""The database of a service: its four roles, their limits, and who may connect."""
