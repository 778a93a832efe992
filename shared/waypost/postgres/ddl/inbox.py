"""Tables of consumer positions, processed messages and the order guard."""

from collections.abc import Iterator


def inbox(service: str) -> Iterator[str]:
    yield """
        create table processed_messages (
            consumer      text        not null,
            event_id      uuid        not null,
            tenant_id     uuid        not null,
            topic         text        not null,
            partition     integer     not null,
            kafka_offset  bigint      not null,
            processed_at  timestamptz not null default now(),
            primary key (consumer, event_id)
        )"""
    yield "comment on table processed_messages is 'across tenants'"
    yield "create index processed_messages_by_age on processed_messages using brin (processed_at)"
    yield """
        create table consumer_versions (
            consumer      text    not null,
            topic         text    not null,
            aggregate_id  uuid    not null,
            version       bigint  not null,
            primary key (consumer, topic, aggregate_id)
        )"""
    yield """
        create table consumer_offsets (
            consumer     text     not null,
            topic        text     not null,
            topic_id     uuid,
            partition    integer  not null,
            next_offset  bigint   not null default 0,
            starts       integer  not null default 0,
            primary key (consumer, topic, partition)
        )"""
    for table in ("processed_messages", "consumer_versions", "consumer_offsets"):
        yield f"grant select, insert, update, delete on {table} to {service}_app"
        yield f"grant select on {table} to {service}_ops"
