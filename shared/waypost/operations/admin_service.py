"""One service with everything that an operator's operations need."""

from collections.abc import Sequence
from dataclasses import dataclass

from waypost.jobs.declaration import JobRegistry
from waypost.ports.brokers import Brokers
from waypost.ports.codec import EventCodec
from waypost.ports.consumers import Consumer
from waypost.ports.wakeups import WakeupSender
from waypost.postgres.database import Database
from waypost.postgres.unit_of_work import PostgresUnitsOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminService:
    name: str
    codec: EventCodec
    consumers: Sequence[Consumer]
    jobs: JobRegistry
    ops: Database
    """Connected as `<service>_ops`, which reads operational tables over all tenants, and only the
    granted columns of tenants' rows.
    """
    app: Database
    """Connected as `<service>_app`, for work with the rights of a handler."""
    units: PostgresUnitsOfWork
    """Units of work on `app`."""
    wakeup_sender: WakeupSender
    kafka_bootstrap: Brokers
