"""The error tree of Waypost. An error that one module alone raises is defined in that module.

WaypostError
├── Refused                     the request is not allowed (HTTP 4xx); nothing has changed
│   ├── Invalid                 422: the input breaks a rule (400 for malformed JSON)
│   │   ├── KeyReused           422: the Idempotency-Key was used with another body
│   │   ├── MalformedCursor     422: a cursor that no list returned
│   │   ├── MalformedEntityTag  422: an If-Match that is neither an entity tag nor *
│   │   └── MalformedWriteToken 422: a Write-Token that no response to this tenant contained
│   ├── Unauthenticated         401: no valid token
│   │   └── TokenRevoked        401: the token's session or rights have ended
│   ├── Forbidden               403: the token's role or scope is insufficient
│   ├── NotFound                404: no such resource for this tenant
│   ├── TooManyRequests         429: a limit of requests or changes is reached; with Retry-After
│   │   └── RateLimitExceeded   429: a rate limit of the route, with RateLimit headers
│   └── Conflict                409: the state does not allow it
│       ├── ConcurrencyConflict 409/412: another writer was first
│       ├── RequestInProgress   409: a request with the same Idempotency-Key is running
│       └── RebuildRuns         a migration or another rebuild is running
├── Unavailable                 503: a limit is reached or a dependency is unavailable; retry later
│   └── NewerKind               a stored kind of a newer release: its processes handle it
├── Misconfigured               the process refuses to start; the message names the setting
│   ├── SessionRefused          PostgreSQL does not open a session; Transient, too: the work waits
│   │   └── PoolerRefused       the address of the database is that of a connection pooler
│   ├── AccessRefused           Kafka refuses a certificate, sign-in or right; Transient, too
│   ├── MailServerRefused       the mail server refuses TLS or the sign-in; Transient, too
│   ├── PartitionsChanged       a topic has another number of partitions than declared
│   └── TooFewReplicas          a topic has fewer replicas than declared
├── PartEnded                   a part of a process ended by itself; the process exits with 1
├── Transient                   the same work may succeed later; nothing is lost
│   ├── TopicUnavailable        a topic does not exist, or not for this client
│   ├── NotAcknowledged         the broker did not acknowledge a chunk of the relay in time
│   ├── PartitionFailed         a partition needs a new producer
│   ├── NotSent                 records behind others that failed
│   ├── ForkEnded               a process of a rebuild was killed or failed
│   └── ShadowBehind            a rebuild has not read all records of the live consumer
├── NotYet                      a row that the handler needs has not arrived from another topic
├── Permanent                   the same work will fail again: dead letter or dead job
│   ├── RecordsRejected         the broker can never accept a record
│   └── RowsRejected            an outbox row cannot become a record
├── Poison                      the record is not a valid event
│   ├── UndecodableRecord       wrong magic byte, unknown schema id, or body that does not fit
│   │   └── NewerSchema         a schema of a newer release: the record waits for that release
│   ├── MalformedHeaders        a header of the contract is missing or malformed
│   ├── TenantMismatch          header and body name different tenants
│   └── UnstorableRecord        the database refuses its dead letter with key and headers
├── SetUpFailed, StartFailed    an installation step, or a process under `waypost.native`, failed
├── ShadowIncomplete            a crash of the database has undone some writes of a rebuild
├── NoTenantBound               a programming error: work without a tenant, or for another one
└── signals                     caught by the caller: KeyTaken, Fenced, Stopped,
                                PartitionStuck, DeadLetterLimitReached, PartitionsHeld,
                                FailpointReached

HTTP maps the tree in `waypost.web.errors`, consumers in `waypost.engine.retry`, job workers in
`waypost.jobs.worker.failure`.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID


class WaypostError(Exception):
    """Root of the error tree. The class docstring is the default message. `facts` are structured
    data for handlers; the message is for humans.
    """

    def __init__(self, message: str = "", **facts: object) -> None:
        self.facts: Mapping[str, object] = facts
        super().__init__(message or " ".join((type(self).__doc__ or type(self).__name__).split()))


class Refused(WaypostError):
    """The request is not allowed."""


class Invalid(Refused):
    """The input breaks a rule."""


class Unauthenticated(Refused):
    """No valid token was given."""


class Forbidden(Refused):
    """The token does not allow this."""


class NotFound(Refused):
    """The resource does not exist."""


class Conflict(Refused):
    """The current state does not allow this."""


class TooManyRequests(Refused):
    """A limit of requests or changes is reached."""

    def __init__(self, message: str, retry_after: timedelta, **facts: object) -> None:
        self.retry_after = retry_after
        super().__init__(message, **facts)


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


class NewerKind(Unavailable):
    """A stored kind or status is of a newer release."""


class Misconfigured(WaypostError):
    """A setting is missing or wrong."""


class PartEnded(WaypostError):
    """A part of the process ended although nothing asked it to."""

    def __init__(self, parts: Sequence[str]) -> None:
        super().__init__(
            f"{', '.join(parts)} ended without being asked to, so the process has ended; the log event server_failed"
            " holds the error. Start the process again, or let its supervisor do so",
            parts=list(parts),
        )


class Transient(WaypostError):
    """The same work may succeed later."""


class NotYet(WaypostError):
    """A row that this handler needs has not arrived from another topic."""


class Permanent(WaypostError):
    """The same work would fail again."""


class Poison(WaypostError):
    """The record is not a valid event."""


class UndecodableRecord(Poison):
    """The value is not an event in Confluent framing that a known schema fits."""


class NewerSchema(UndecodableRecord):
    """The value was written with a schema that this release does not have yet."""


class MalformedHeaders(Poison):
    """A header of the event contract is missing or malformed."""


class TenantMismatch(Poison):
    """The header and the body name different tenants."""


class UnstorableRecord(Poison):
    """The database refuses the dead letter of this record with its key and headers."""
