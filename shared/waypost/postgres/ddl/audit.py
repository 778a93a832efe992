"""What operators did to a service, by hand."""

from collections.abc import Iterator


def operator_actions(service: str) -> Iterator[str]:
    # Written by whichever role makes the change, in its transaction; nobody alters or removes a
    # row.
    yield """
        create table operator_actions (
            id         uuid        primary key,
            at         timestamptz not null default clock_timestamp(),
            operator   text        not null,
            reason     text        not null,
            verb       text        not null,
            subject    text        not null,
            tenant_id  uuid,
            facts      jsonb       not null
        )"""
    yield "comment on table operator_actions is 'across tenants'"
    yield f"grant insert on operator_actions to {service}_app"
    yield f"grant select, insert on operator_actions to {service}_ops"
