"""Queries, each in a transaction that is bound to one tenant."""
