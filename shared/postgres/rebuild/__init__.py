"""Rebuilds on PostgreSQL: a projector's schema is made anew under another name, and renamed."""

from shared.postgres.rebuild.workshop import PostgresWorkshop

__all__ = ["PostgresWorkshop"]
