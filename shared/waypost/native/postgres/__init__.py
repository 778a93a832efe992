"""A real PostgreSQL 18 as a component of the stack and of the tests."""

from waypost.native.postgres.server import Postgres

__all__ = ["Postgres"]
