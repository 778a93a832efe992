"""PostgreSQL 18 as local processes, for stacks and tests: one server, or a primary and its
standby.
"""

from waypost.native.postgres.replication import Replication, ServerPair
from waypost.native.postgres.server import Postgres

__all__ = ["Postgres", "Replication", "ServerPair"]
