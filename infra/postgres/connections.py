"""The budget of PostgreSQL connections: the server's `max_connections` is the sum of these
shares.

A process that exceeds its share leaves too few for the others; the server refuses connections
beyond the limit.
"""

from infra import services

API_POOL = 20
API_OPS_POOL = 2
"""For the operator routes, as `<service>_ops`."""
WORKER_POOL = 5
JOBS_POOL = 5
RELAY_DIRECT = 3
"""One connection holds the shard locks, one reads ahead, and one measures for a moment every 5 s.
"""
LISTENING_DIRECT = 2
"""One LISTEN connection each for worker and jobs; dedicated, because a pooled one loses its
subscriptions.
"""
CLAIMS_DIRECT = 1
"""The session of the job worker, for claims and leases."""
WAKEUP_SENDER_DIRECT = 3
"""One autocommit connection per process, for NOTIFY."""
OPERATOR = 14
"""The `waypost` command, a rebuild, a migration. A rebuild needs the most: three for each of four
processes, one for its lock, and one for a transaction of the owner.
"""

POOLS = API_POOL + API_OPS_POOL + WORKER_POOL + JOBS_POOL
PER_SERVICE = POOLS + RELAY_DIRECT + LISTENING_DIRECT + CLAIMS_DIRECT + WAKEUP_SENDER_DIRECT + OPERATOR
SUPERUSER_RESERVED = 3
SPARE = 28
"""A second worker of one service during a rolling release, health checks, a psql session."""

ROOM_FOR_NEW_SERVICES = 2
"""Services that can be added to a running native stack: PostgreSQL reads `max_connections` only at
its start.
"""


def max_connections(further: int = 0) -> int:
    """Connections for every declared service, and for `further` ones."""
    return PER_SERVICE * (len(services.SERVICES) + further) + SUPERUSER_RESERVED + SPARE


MAX_CONNECTIONS = max_connections()
