"""Tables of the provider. Times are ISO 8601 UTC text of one width, so that they sort as text."""

from datetime import datetime

TABLES = """
create table if not exists charges (
    number          integer primary key,
    id              text not null unique,
    amount_minor    integer not null check (amount_minor > 0),
    currency        text not null,
    payment_method  text not null,
    status          text not null check (status in ('succeeded', 'failed')),
    failure_code    text,
    failure_message text,
    metadata        text not null,
    idempotency_key text not null,
    created_at      text not null
);
-- Not unique: a key is forgotten after a day and may then be used again.
create index if not exists charges_by_key on charges (idempotency_key);

-- Cards of customers. The test cards are in the code, and need no owner.
create table if not exists payment_methods (
    id         text primary key,
    card       text not null,
    customer   text,
    created_at text not null
);

create table if not exists refunds (
    number          integer primary key,
    id              text not null unique,
    charge          text not null references charges (id),
    amount_minor    integer not null check (amount_minor > 0),
    currency        text not null,
    status          text not null check (status = 'succeeded'),
    metadata        text not null,
    idempotency_key text not null,
    created_at      text not null
);
create index if not exists refunds_by_key on refunds (idempotency_key);
create index if not exists refunds_by_charge on refunds (charge);

create table if not exists refund_failures (
    refund        text primary key references refunds (id),
    failure_code  text not null
);

create table if not exists disputes (
    number          integer primary key,
    id              text not null unique,
    charge          text not null references charges (id),
    amount_minor    integer not null check (amount_minor > 0),
    currency        text not null,
    reason          text not null,
    status          text not null check (status in ('needs_response', 'won', 'lost')),
    created_at      text not null
);

create table if not exists idempotency_keys (
    key         text primary key,
    fingerprint text not null,
    status      integer not null,
    body        text not null,
    created_at  text not null
);
create index if not exists idempotency_keys_by_age on idempotency_keys (created_at);

-- Keys whose first request was refused by the card that is unavailable once.
create table if not exists outages (key text primary key);

create table if not exists webhooks (
    number          integer primary key,
    id              text not null unique,
    type            text not null,
    payload         text not null,
    attempts        integer not null default 0,
    next_attempt_at text,
    delivered_at    text,
    last_error      text,
    created_at      text not null
);
create index if not exists webhooks_pending on webhooks (next_attempt_at) where delivered_at is null;
"""


def stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")
