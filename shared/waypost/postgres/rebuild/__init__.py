"""Rebuilds on PostgreSQL: fills a shadow schema of a projection, then renames it to the live
name.
"""

from waypost.postgres.rebuild.inline_shadow import PostgresInlineShadowFactory
from waypost.postgres.rebuild.shadow import PostgresShadowFactory

__all__ = ["PostgresInlineShadowFactory", "PostgresShadowFactory"]
