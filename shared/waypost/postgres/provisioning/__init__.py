"""Creates the database of a service, its four roles, their limits and their right to connect."""
