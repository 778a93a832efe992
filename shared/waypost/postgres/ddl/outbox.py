"""Tables of the outbox and of quarantined keys. An outbox row is deleted when the broker has
acknowledged its record.
"""

from collections.abc import Iterator


def outbox(service: str) -> Iterator[str]:
    # Headers are json, not jsonb, because no query reads inside them, and json keeps their order
    # without parsing. The identity's cache is 1: the ids of one aggregate must grow in the order of
    # its versions.
    yield """
        create table outbox (
            shard       smallint    not null check (shard between 0 and 15),
            id          bigint      not null generated always as identity (cache 1),
            event_id    uuid        not null,
            tenant_id   uuid        not null,
            topic       text        not null,
            key         bytea       not null,
            payload     bytea       not null,
            headers     json        not null,
            created_at  timestamptz not null,
            primary key (shard, id)
        )"""
    yield "comment on table outbox is 'across tenants'"
    yield "alter table outbox set (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 5000)"
    yield """
        create table outbox_quarantine (
            shard      smallint    not null,
            key        bytea       not null,
            reason     text        not null,
            marked_at  timestamptz not null default now(),
            primary key (shard, key)
        )"""
    yield f"grant insert on outbox to {service}_app"
    yield f"grant select, delete on outbox to {service}_relay"
    yield f"grant select, insert, delete on outbox_quarantine to {service}_relay"
    yield f"grant select on outbox to {service}_ops"
    yield f"grant select, delete on outbox_quarantine to {service}_ops"
