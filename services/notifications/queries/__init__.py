"""Queries. The caller passes the connection of a transaction that is bound to one tenant."""
