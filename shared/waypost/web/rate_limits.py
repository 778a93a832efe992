"""Rate limits: how many requests a key may send in a time window.

A limit belongs to a class of routes and to one kind of key. It is a token bucket, computed as the
generic cell rate algorithm (ITU-T I.371): one time per key, and no timer. The state is in the
memory of the process: N processes together admit up to N times as many requests. Limits that must
be exact over all processes are in a database.
"""

import math
import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType

from waypost.kernel.errors import Misconfigured, TooManyRequests
from waypost.project import variable

MAX_KEYS = 200_000
"""The most keys whose state a process remembers, in two generations of half as many. A key that was
used in neither is forgotten.
"""


class RateKey(StrEnum):
    """The kind of value by which a limit counts."""

    NETWORK = "network"
    """The client's IPv4 address, or the /64 of its IPv6 address."""
    ADDRESS = "address"
    """The e-mail address of an account, in one tenant and from one network."""
    CALLER = "caller"
    """The user of the access token."""
    TENANT = "tenant"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    requests: int
    """Requests at once, and in each window on average."""
    seconds: int
    """The length of the window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteClass:
    """Routes that share their limits."""

    name: str
    reason: str
    """Why the limit exists, for the caller: the end of "The limit …"."""
    rates: Mapping[RateKey, Rate]

    def limit_name(self, key: RateKey) -> str:
        """The name in headers, in settings and in the documentation."""
        return f"{self.name}-per-{key}"


class RateLimitExceeded(TooManyRequests):
    """The limit of requests is reached."""

    def __init__(self, limit: str, rate: Rate, wait_seconds: float, message: str) -> None:
        wait = max(1, math.ceil(wait_seconds))
        super().__init__(message, timedelta(seconds=wait), limit=limit)
        self.headers = {
            "RateLimit-Policy": f'"{limit}";q={rate.requests};w={rate.seconds}',
            "RateLimit": f'"{limit}";r=0;t={wait}',
        }
        """Fields of draft-ietf-httpapi-ratelimit-headers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateSettings:
    enabled: bool = True
    changed: Mapping[str, Rate | None] = field(default_factory=lambda: MappingProxyType({}))
    """Rates by the name of their limit; None switches a limit off."""


class RateLimiter:
    """Admits or refuses requests. Not thread-safe: used by one event loop."""

    def __init__(
        self,
        settings: RateSettings = RateSettings(),
        *,
        seconds: Callable[[], float] = time.monotonic,
        max_keys: int = MAX_KEYS,
    ) -> None:
        self._settings = settings
        self._seconds = seconds
        self._max_recent = max(1, max_keys // 2)
        # The time at which a key's bucket is full again. Two generations make the deletion of old
        # keys free: the older one is dropped when the recent one is full.
        self._recent: dict[Hashable, float] = {}
        self._older: dict[Hashable, float] = {}
        self._prepared: dict[tuple[str, RateKey], tuple[Rate, float, float] | None] = {}

    def admit(self, routes: RouteClass, key: RateKey, value: Hashable) -> None:
        """Counts one request of the key `value`. Raises RateLimitExceeded for a request beyond the
        rate; a refused request is not counted. Does nothing for a kind of key that the class does
        not limit.
        """
        limit = (routes.name, key)
        try:
            prepared = self._prepared[limit]
        except KeyError:
            prepared = self._prepared[limit] = self._prepare(routes, key)
        if prepared is None:
            return
        rate, interval, tolerance = prepared
        now = self._seconds()
        full_at = self._full_at((limit, value), now)
        if full_at - now > tolerance:
            self._recent[limit, value] = full_at  # a key that is refused is in use, too
            raise self._exceeded(routes, key, rate, full_at - now - tolerance)
        self._recent[limit, value] = full_at + interval

    def _full_at(self, key: Hashable, now: float) -> float:
        full_at = self._recent.get(key)
        if full_at is None:
            if len(self._recent) >= self._max_recent:
                self._recent, self._older = {}, self._recent
            full_at = self._older.pop(key, now)
        return max(full_at, now)

    def _prepare(self, routes: RouteClass, key: RateKey) -> tuple[Rate, float, float] | None:
        """The rate, the seconds per request, and how far ahead the bucket may be."""
        rate = routes.rates.get(key)
        if rate is not None:
            rate = self._settings.changed.get(routes.limit_name(key), rate)
        if rate is None or not self._settings.enabled:
            return None
        interval = rate.seconds / rate.requests
        return rate, interval, rate.seconds - interval + interval * 1e-6  # the addition of floats is not exact

    def _exceeded(self, routes: RouteClass, key: RateKey, rate: Rate, wait: float) -> RateLimitExceeded:
        message = (
            f"More than {rate.requests} requests in {rate.seconds} s for one {key} on the routes {routes.name!r}. The limit"
            f" {routes.reason}. Repeat the request after {max(1, math.ceil(wait))} s."
        )
        return RateLimitExceeded(routes.limit_name(key), rate, wait, message)


def limit_names(classes: Iterator[RouteClass]) -> Iterator[str]:
    for routes in classes:
        yield from map(routes.limit_name, routes.rates)


def refuse_unknown_limits(settings: RateSettings, classes: Iterator[RouteClass]) -> None:
    """Raises Misconfigured for the name of a limit that no route has."""
    known = set(limit_names(classes))
    if unknown := sorted(set(settings.changed) - known):
        raise Misconfigured(
            f"{variable('RATE_LIMITS')} names limits that no route of this process has: {', '.join(unknown)}."
            f" Use names of this list: {', '.join(sorted(known))}",
            unknown=unknown,
        )
