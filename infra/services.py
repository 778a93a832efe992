"""All services. Database and roles, keys, ports, processes and share of the connections follow from
a service's entry here.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Ports of its processes, as offsets from the stack's port base. No two services share one."""

    api: int
    worker: int
    """Health and metrics; the same for the next fields."""
    jobs: int
    live: int | None = None
    """Port of the process of a live view, for a service that has one."""
    management: int
    """Port of the API for its metrics, operator routes and documents."""

    @property
    def by_process(self) -> Mapping[str, int]:
        return {process: offset for process, offset in asdict(self).items() if offset is not None}


SERVICES: Mapping[str, Ports] = {
    "users": Ports(api=1, worker=11, jobs=14, management=51),
    "billing": Ports(api=2, worker=12, jobs=15, live=17, management=52),
    "notifications": Ports(api=3, worker=13, jobs=16, management=53),
}
