"""Every service there is. Its database and roles, keys, ports, processes and share of the
connections all follow from its line here.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where its processes answer, as offsets from the base of the stack's ports. No two services
    share one.
    """

    api: int
    worker: int
    """Health and metrics, like those that follow."""
    jobs: int
    live: int | None = None
    """Of the process of a live view, for a service that has one."""

    @property
    def by_process(self) -> Mapping[str, int]:
        return {process: offset for process, offset in asdict(self).items() if offset is not None}


SERVICES: Mapping[str, Ports] = {
    "users": Ports(api=1, worker=11, jobs=14),
    "billing": Ports(api=2, worker=12, jobs=15, live=17),
    "notifications": Ports(api=3, worker=13, jobs=16),
}
