"""Creates deliveries: of events, of tests, and again."""

from datetime import timedelta
from uuid import UUID, uuid5

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from services.notifications.commands import RedeliverFailedWebhooks, RedeliverWebhook, SendTestWebhook
from services.notifications.domain.webhook_catalogue import TEST_EVENT
from services.notifications.domain.webhook_schedule import RETENTION
from services.notifications.handlers.webhook_endpoints import locked
from services.notifications.handlers.webhook_jobs import SLOW_AFTER_UNANSWERED, enqueue_sending, is_slow
from services.notifications.handlers.webhook_payloads import body_of, test_body
from services.notifications.queries.webhook_tables import webhook_deliveries
from services.notifications.queries.webhooks import delivery
from waypost.kernel.clock import SystemClock
from waypost.kernel.envelope import Envelope
from waypost.kernel.errors import Conflict, NotFound, TooManyRequests
from waypost.kernel.event import Event
from waypost.ports.unit_of_work import UnitOfWork

CLOCK_DIFFERENCE = timedelta(minutes=1)
"""The largest accepted difference between the clocks of two services: an event may be dated so much
before the subscription that preceded it.
"""

# An endpoint gets no event of a type from before it subscribed to the type, nor from a time in
# which it was disabled: a new consumer, and a replay, begin at the first event. An event from
# before the disabling may still be unread then: it waits with the others.
_SUBSCRIBED = """
select endpoint_id, answers_slowly or unanswered >= $4 as is_slow from webhook_endpoints
where event_types @> array[$1::text] and (enabled or disabled_at > $2)
    and not exists (
        select from jsonb_array_elements(disabled_periods) as period
        where (period ->> 0)::timestamptz <= $2 and $2 + $3::interval < (period ->> 1)::timestamptz)
    and (subscribed_since ->> $1)::timestamptz <= $2::timestamptz + $3::interval
order by endpoint_id"""

# A later version exists only if the event is replayed: it must not arrive behind that one.
_INSERT = """
insert into webhook_deliveries
    (tenant_id, delivery_id, endpoint_id, event_type, object_id, object_version, body, status, next_attempt_at, created_at)
select $1, $2, $3, $4, $5, $6, $7, 'pending', now(), now()
where not exists (
    select from webhook_deliveries where endpoint_id = $3 and object_id = $5 and object_version > $6
)
on conflict (tenant_id, delivery_id) do nothing returning delivery_id"""

TESTS_PER_MINUTE = 10


class EndpointDisabled(Conflict):
    """The endpoint is disabled: enable it first."""


async def record_deliveries(envelope: Envelope[Event], uow: UnitOfWork) -> None:
    """One delivery and one job per subscribed endpoint, once per event."""
    # The rows of events that are older than the log are gone: a replay would send them again.
    if envelope.occurred_at <= SystemClock().now() - RETENTION:
        return
    event_type, occurred_at = envelope.event.type, envelope.occurred_at
    subscribed = await uow.query(_SUBSCRIBED, event_type, occurred_at, CLOCK_DIFFERENCE, SLOW_AFTER_UNANSWERED)
    if not subscribed:
        return
    body = body_of(envelope)
    for endpoint in subscribed:
        delivery_id = uuid5(envelope.event_id, str(endpoint["endpoint_id"]))
        new = await uow.query(
            *(_INSERT, envelope.tenant_id, delivery_id, endpoint["endpoint_id"], event_type),
            *(envelope.aggregate_id, envelope.aggregate_version, body),
        )
        if new:
            await enqueue_sending(endpoint["endpoint_id"], uow, is_slow=endpoint["is_slow"])


async def send_test(command: SendTestWebhook, uow: UnitOfWork) -> None:
    """Raises NotFound, EndpointDisabled, TooManyRequests."""
    slow = await _require_enabled(command.endpoint_id, uow)
    columns = webhook_deliveries.c
    recent = select(func.count()).where(
        columns.endpoint_id == command.endpoint_id,
        columns.event_type == TEST_EVENT,
        columns.created_at > command.at - timedelta(minutes=1),
    )
    if (await uow.rows.execute(recent)).scalar_one() >= TESTS_PER_MINUTE:
        raise TooManyRequests(
            f"an endpoint gets at most {TESTS_PER_MINUTE} test events a minute: wait a minute",
            retry_after=timedelta(minutes=1),
        )
    await uow.rows.execute(
        insert(webhook_deliveries).values(
            tenant_id=command.tenant_id,
            delivery_id=command.delivery_id,
            endpoint_id=command.endpoint_id,
            event_type=TEST_EVENT,
            object_id=command.delivery_id,  # waits for no other delivery
            object_version=1,
            body=test_body(command.tenant_id, command.endpoint_id, command.at),
            status="pending",
            attempts=0,
            failures=0,
            next_attempt_at=command.at,
            created_at=command.at,
        )
    )
    await enqueue_sending(command.endpoint_id, uow, is_slow=slow)


async def redeliver(command: RedeliverWebhook, uow: UnitOfWork) -> None:
    """Raises NotFound, EndpointDisabled."""
    slow = await _require_enabled(command.endpoint_id, uow)
    await delivery(uow.rows, command.endpoint_id, command.delivery_id)
    again = update(webhook_deliveries).where(webhook_deliveries.c.delivery_id == command.delivery_id)
    values = {"status": "pending", "failures": 0, "next_attempt_at": command.at, "settled_at": None}
    await uow.rows.execute(again.values(values))
    await enqueue_sending(command.endpoint_id, uow, is_slow=slow)


async def redeliver_failed(command: RedeliverFailedWebhooks, uow: UnitOfWork) -> None:
    """Enqueues the job that makes the deliveries due. Raises NotFound, EndpointDisabled."""
    await _require_enabled(command.endpoint_id, uow)
    await uow.jobs.enqueue(
        "redeliver_failed_webhooks",
        # A request that is repeated at once waits with the first one; a later one has more to send.
        idempotency_key=f"redeliver {command.endpoint_id} {command.since.isoformat()} {command.at:%Y-%m-%dT%H:%M}",
        endpoint_id=command.endpoint_id,
        since=command.since,
        until=command.at,
    )


async def make_failed_due(command: RedeliverFailedWebhooks, limit: int, uow: UnitOfWork) -> int:
    """Makes up to `limit` deliveries due that failed before `command.at`; returns their number."""
    try:
        slow = await _require_enabled(command.endpoint_id, uow)
    except (NotFound, EndpointDisabled):  # since the request
        return 0
    columns = webhook_deliveries.c
    failed = (
        select(columns.delivery_id)
        .where(
            columns.endpoint_id == command.endpoint_id,
            columns.status == "failed",
            columns.created_at >= command.since,
            columns.settled_at < command.at,
        )
        .order_by(columns.created_at)
        .limit(limit)
    )
    again = update(webhook_deliveries).where(columns.delivery_id.in_(failed))
    values = {"status": "pending", "failures": 0, "next_attempt_at": command.at, "settled_at": None}
    made: int = (await uow.rows.execute(again.values(values))).rowcount
    if made:
        await enqueue_sending(command.endpoint_id, uow, is_slow=slow)
    return made


async def _require_enabled(endpoint_id: UUID, uow: UnitOfWork) -> bool:
    """Locks the endpoint, and returns whether it is slow. Raises NotFound, EndpointDisabled."""
    row = await locked(endpoint_id, uow)
    if not row.enabled:
        raise EndpointDisabled(f"webhook endpoint {endpoint_id} is disabled: enable it first")
    return is_slow(row)
