"""Tables of dead letters, including their records, and of parked keys.

A foreign record may have a key of any length, but an index row is limited to 2,704 bytes. The
indexes therefore store a digest of the key.
"""

from collections.abc import Iterator


def dead_letters(service: str) -> Iterator[str]:
    yield """
        create table dead_letters (
            id               uuid        primary key,
            consumer         text        not null,
            event_id         uuid        not null,
            tenant_id        uuid,
            type             text,
            topic            text        not null,
            partition        integer     not null,
            kafka_offset     bigint      not null,
            key              bytea,
            key_digest       bytea       generated always as (sha256(key)) stored,
            sequence         bigint,
            headers          jsonb       not null,
            payload          bytea,
            status           text        not null
                check (status in ('retrying', 'dead', 'waiting', 'redriven', 'discarded', 'superseded')),
            attempts         integer     not null default 0,
            unfinished       integer     not null default 0,
            redrives         integer     not null default 0,
            next_attempt_at  timestamptz,
            error_class      text,
            error            text,
            fingerprint      text,
            retryable        boolean,
            awaits_topic     boolean,
            location         text,
            traceback        text,
            first_failed_at  timestamptz not null default now(),
            updated_at       timestamptz not null default now(),
            unique (consumer, event_id)
        )"""
    yield "comment on table dead_letters is 'across tenants'"
    yield "create index dead_letters_of_key on dead_letters (consumer, topic, key_digest, sequence)"
    yield "create index dead_letters_due on dead_letters (consumer, next_attempt_at) where status = 'retrying'"
    yield """
        create index dead_letters_open on dead_letters (consumer, status) where status in ('retrying', 'dead', 'waiting')"""
    yield """
        create table parked_keys (
            consumer   text        not null,
            topic      text        not null,
            key        bytea       not null,
            key_digest bytea       generated always as (sha256(key)) stored,
            parked_at  timestamptz not null default now(),
            primary key (consumer, topic, key_digest)
        )"""
    for table in ("dead_letters", "parked_keys"):
        yield f"grant select, insert, update, delete on {table} to {service}_app"
        yield f"grant select, insert, update, delete on {table} to {service}_ops"
