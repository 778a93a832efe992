"""The budget of connections, in one place: the server's `max_connections` is its sum.

A process that opens more than its share here takes it from a neighbour; the server refuses the one
after the last.
"""

from infra import services

API_POOL = 20
API_OPS_POOL = 2
"""For the operator routes, as `<service>_ops`."""
WORKER_POOL = 5
JOBS_POOL = 5
RELAY_DIRECT = 3
"""The connection that holds the shards' locks, the one that reads ahead, and for a moment every 5 s
the one that measures.
"""
LISTENING_DIRECT = 2
"""One LISTEN connection each for worker and jobs; dedicated, since a pooled one loses its
subscriptions.
"""
DOORBELL_DIRECT = 3
"""One autocommit connection per process to ring with."""
OPERATOR = 5
"""The `waypost` command, a rebuild, a migration."""

POOLS = API_POOL + API_OPS_POOL + WORKER_POOL + JOBS_POOL
PER_SERVICE = POOLS + RELAY_DIRECT + LISTENING_DIRECT + DOORBELL_DIRECT + OPERATOR
SUPERUSER_RESERVED = 3
SPARE = 28
"""A second worker of one service during a rolling release, health checks, a person with psql."""

ROOM_FOR_NEW_SERVICES = 2
"""Services that a running native stack can take on: PostgreSQL reads `max_connections` at its start
alone.
"""


def max_connections(further: int = 0) -> int:
    """For every declared service, and for `further` ones."""
    return PER_SERVICE * (len(services.SERVICES) + further) + SUPERUSER_RESERVED + SPARE


MAX_CONNECTIONS = max_connections()
