"""Table of the operators' changes."""

from collections.abc import Iterator


def operator_actions(service: str) -> Iterator[str]:
    # The role that makes the change inserts the row, in the same transaction. No role may update or
    # delete rows.
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
