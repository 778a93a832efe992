"""Rebuilds on PostgreSQL: the schema of a projector or a projection is made anew under another name, and renamed."""

from shared.postgres.rebuild.history import PostgresHistoryWorkshop
from shared.postgres.rebuild.workshop import PostgresWorkshop

__all__ = ["PostgresHistoryWorkshop", "PostgresWorkshop"]
