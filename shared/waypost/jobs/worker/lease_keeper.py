"""The heartbeat of a worker: renews its leases, and releases expired leases of other workers."""

import asyncio
from collections.abc import Callable

import structlog

from waypost.engine.periodic_loop import PeriodicLoop
from waypost.jobs.worker.leases import Leases
from waypost.jobs.worker.slots import Slots
from waypost.kernel.backoff import Backoff
from waypost.kernel.clock import seconds_since_boot

log = structlog.get_logger()


class LeaseKeeper(PeriodicLoop):
    """Renews the leases of the claims in `slots` three times per lease, and cancels the attempts
    whose lease was lost.

    Calls `on_failure` after each heartbeat that fails, and `on_recovery` after the first one that
    succeeds again.
    """

    name = "job leases"

    def __init__(
        self, leases: Leases, slots: Slots, *, on_failure: Callable[[], None], on_recovery: Callable[[], None]
    ) -> None:
        seconds = leases.seconds
        super().__init__(
            every_seconds=seconds / 3, backoff=Backoff(first_seconds=seconds / 60, max_seconds=seconds / 15)
        )
        self._leases = leases
        self._lease_seconds = seconds
        self._slots = slots
        self._on_failure = on_failure
        self._on_recovery = on_recovery
        self._renewals_before_release = 0
        """Heartbeats that renew leases, but release none of other workers."""
        self._renewed_at = float("inf")
        """The end of the last heartbeat: the first one is not late, one after a failure is."""

    async def tick(self) -> None:
        """Raises TimeoutError where a frozen database does not answer until the leases are over."""
        async with asyncio.timeout(self._lease_seconds):
            await self._renew()

    def tick_failed(self, error: BaseException) -> None:
        self._renewed_at = float("-inf")
        self._on_failure()
        super().tick_failed(error)

    def recovered(self) -> None:
        self._on_recovery()

    async def _renew(self) -> None:
        """Sends a renewal without leases too: only an answer shows that the others could renew."""
        claims = self._slots.claims
        renewed = await self._leases.renew(claims)
        self._slots.cancel({claim.lease for claim in claims if claim.lease not in renewed})
        self._note_late_renewal()
        if self._renewals_before_release:
            self._renewals_before_release -= 1
            return
        freed = await self._leases.release_expired()
        if freed:
            log.warning("job_leases_lapsed", jobs=[str(job_id) for job_id in freed])

    def _note_late_renewal(self) -> None:
        """After an outage, or a time in which this host was suspended, the leases of other workers
        may have lapsed too: they renew theirs before this one releases any.
        """
        before, self._renewed_at = self._renewed_at, seconds_since_boot()
        if self._renewed_at - before > self._lease_seconds / 2:
            self._renewals_before_release = 2
