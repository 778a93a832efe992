"""A real PostgreSQL 18 as a component of stacks and tests."""

from waypost.native.postgres.server import Postgres

__all__ = ["Postgres"]
