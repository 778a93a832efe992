"""A PostgreSQL 18 server as a local process, for stacks and tests."""

from waypost.native.postgres.server import Postgres

__all__ = ["Postgres"]
