"""A service as an operator's verbs need it."""

from collections.abc import Sequence
from dataclasses import dataclass

from waypost.jobs.declaration import JobRegistry
from waypost.kernel.clock import Clock
from waypost.ports.codec import EventCodec
from waypost.ports.consumers import Consumer
from waypost.ports.doorbell import Doorbell
from waypost.postgres.database import Database
from waypost.postgres.unit_of_work import PostgresUnitsOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminService:
    name: str
    codec: EventCodec
    consumers: Sequence[Consumer]
    jobs: JobRegistry
    ops: Database
    """As `<service>_ops`: over all tenants, what is the plumbing's; of tenants' rows, what the
    operator's role was granted.
    """
    app: Database
    """As `<service>_app`, for what is done with a handler's own rights."""
    units: PostgresUnitsOfWork
    """On `app`."""
    doorbell: Doorbell
    clock: Clock
    kafka_bootstrap: str
