"""Reads, each inside a transaction that is bound to one tenant."""
