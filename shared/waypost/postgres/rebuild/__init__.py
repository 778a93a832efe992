"""Rebuilds on PostgreSQL: the schema of a projector or a projection is made anew under another
name, and renamed.
"""

from waypost.postgres.rebuild.history import PostgresHistoryShadowFactory
from waypost.postgres.rebuild.shadow import PostgresShadowFactory

__all__ = ["PostgresHistoryShadowFactory", "PostgresShadowFactory"]
