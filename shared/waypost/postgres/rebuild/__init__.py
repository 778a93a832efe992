"""Rebuilds on PostgreSQL: the schema of a projector or a projection is made anew under another name, and renamed."""

from waypost.postgres.rebuild.history import PostgresHistoryWorkshop
from waypost.postgres.rebuild.workshop import PostgresWorkshop

__all__ = ["PostgresHistoryWorkshop", "PostgresWorkshop"]
