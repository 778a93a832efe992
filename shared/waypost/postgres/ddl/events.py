"""Tables of the event store and of the idempotency keys."""

from collections.abc import Iterator

from waypost.postgres.tenancy import protect


def events(service: str) -> Iterator[str]:
    yield """
        create table events (
            tenant_id       uuid        not null,
            aggregate_type  text        not null,
            aggregate_id    uuid        not null,
            version         bigint      not null check (version > 0),
            event_id        uuid        not null,
            type            text        not null,
            schema_id       integer     not null,
            payload         bytea       not null,
            metadata        jsonb       not null,
            occurred_at     timestamptz not null,
            position        bigint      not null generated always as identity,
            primary key (tenant_id, aggregate_type, aggregate_id, version),
            unique (tenant_id, event_id)
        )"""
    yield from protect("events")
    # A rebuild of inline projections reads the events of all tenants. It runs as the owner, a role
    # that no serving process uses.
    yield f"create policy rebuilds on events for select to {service}_owner using (true)"
    # Erasure rewrites the payload. All other columns are immutable.
    yield f"grant select, insert, update (schema_id, payload) on events to {service}_app"
    yield f"grant select on events to {service}_ops"
    yield """
        create table idempotency_keys (
            tenant_id   uuid        not null,
            route       text        not null,
            key         text        not null,
            body_hash   bytea       not null,
            status      smallint    not null,
            headers     jsonb       not null default '{}',
            body        bytea       not null,
            created_at  timestamptz not null,
            primary key (tenant_id, route, key)
        )"""
    yield from protect("idempotency_keys")
    yield f"grant select, insert, delete on idempotency_keys to {service}_app"
