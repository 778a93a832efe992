"""The tree that every error of Waypost grows on; a leaf that one room alone raises stands there.

WaypostError
├── Refused                     the caller asked for something that may not be (HTTP 4xx); nothing has changed
│   ├── Invalid                 400/422: the input breaks a rule
│   ├── Unauthenticated         401: no valid token
│   ├── Forbidden               403: the token's role or scope is too small
│   ├── NotFound                404: no such thing for this tenant
│   └── Conflict                409: the state does not allow it
│       └── ConcurrencyConflict 409/412: another writer was first
├── Unavailable                 503: a cap is reached or a part is away; try later
├── Misconfigured               the process refuses to start; the message names the setting
├── Transient                   the same work again later may succeed; nothing is lost
├── NotYet                      a reactor needs a row that another topic has not brought yet
├── Permanent                   the same work will fail again: its key is parked, a letter is kept
├── Poison                      bytes that are no event of ours
│   ├── UndecodableRecord       wrong magic, unknown schema id, body that does not fit
│   ├── MalformedHeaders        a header of the contract is missing or malformed
│   ├── TenantMismatch          header and body name different tenants
│   └── UnstorableRecord        the database refuses its dead letter with key and headers
├── NoTenantBound               a mistake of ours: work without a tenant, or on another's
└── signals                     caught close by: KeyTaken, NotUnderstood, Fenced, DeadLetterLimitReached, Stopped, FailpointReached

HTTP maps the tree in `waypost.web.errors`, consumers in `waypost.engine.retry`, job workers in
`waypost.jobs.worker.failure`.
"""

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID


class WaypostError(Exception):
    """Root of the tree. Without a message a class says its docstring; `facts` are for whoever
    catches it, the message is for people.
    """

    def __init__(self, message: str = "", **facts: object) -> None:
        self.facts: Mapping[str, object] = facts
        super().__init__(message or (type(self).__doc__ or type(self).__name__))


class Refused(WaypostError):
    """The request may not be carried out."""


class Invalid(Refused):
    """The input breaks a rule."""


class Unauthenticated(Refused):
    """No valid token was given."""


class Forbidden(Refused):
    """The token does not allow this."""


class NotFound(Refused):
    """There is no such thing."""


class Conflict(Refused):
    """The present state does not allow this."""


class ConcurrencyConflict(Conflict):
    """Another writer changed the aggregate first."""

    def __init__(self, aggregate_type: str, aggregate_id: UUID, expected_version: int) -> None:
        super().__init__(
            f"{aggregate_type} {aggregate_id} is no longer at version {expected_version}: another writer was first",
            aggregate_type=aggregate_type,
            aggregate_id=str(aggregate_id),
            expected_version=expected_version,
        )


class Unavailable(WaypostError):
    """Not available right now; nothing was changed."""

    def __init__(self, message: str, retry_after: timedelta, **facts: object) -> None:
        self.retry_after = retry_after
        super().__init__(message, **facts)


class Misconfigured(WaypostError):
    """A setting is missing or wrong."""


class Transient(WaypostError):
    """The same work may succeed later."""


class NotYet(WaypostError):
    """A row that another topic brings is not here yet."""


class Permanent(WaypostError):
    """The same work would fail again."""


class Poison(WaypostError):
    """The record is no event of ours."""


class UndecodableRecord(Poison):
    """The value is not an event in Confluent framing that a known schema fits."""


class MalformedHeaders(Poison):
    """A header of the event contract is missing or malformed."""


class TenantMismatch(Poison):
    """The header and the body name different tenants."""


class UnstorableRecord(Poison):
    """The database refuses the dead letter of this record with its key and headers."""
