"""The declaration of a projection with one row per aggregate, and its rows after events."""

from typing import Any

import pytest
from sqlalchemy import BigInteger, Column, MetaData, PrimaryKeyConstraint, Table, Text, Uuid

from tests.fixtures.club import User, club
from waypost.engine.row_per_aggregate import RowPerAggregate, change, put, remove, row_per_aggregate
from waypost.kernel.errors import Misconfigured, Permanent

OWN = club("club")
CREATED, UPDATED = OWN.created, OWN.updated


def table(*key: str, more: tuple[Column[Any], ...] = ()) -> Table:
    columns = [Column(name, Uuid) for name in ("tenant_id", "user_id", "group_id")]
    return Table("people", MetaData(), *columns, Column("name", Text), *more, PrimaryKeyConstraint(*key))


PEOPLE = table("tenant_id", "user_id", more=(Column("version", BigInteger),))
NAMED = put(lambda event: {"name": event.display_name})
RENAMED = change(lambda event: {"name": event.display_name})


def test_put_and_change_and_version() -> None:
    rows = RowPerAggregate(PEOPLE, {CREATED: NAMED, UPDATED: RENAMED})
    ann, bob = User(OWN), User(OWN)
    first, second, third = ann.tells("Ann", "Anna", "Annie")
    (_, of_bob) = bob.tells("Bob", "Rob")

    changed = rows.changed([first, second, of_bob], {})

    assert changed == {(ann.tenant_id, ann.id): {"name": "Anna", "version": 2}, (bob.tenant_id, bob.id): None}
    again = rows.changed([third], changed)
    assert again == {(ann.tenant_id, ann.id): {"name": "Annie", "version": 3}}


def test_a_removed_row_is_changed_to_none() -> None:
    rows = RowPerAggregate(PEOPLE, {CREATED: NAMED, UPDATED: remove})
    ann = User(OWN)
    assert rows.changed(ann.tells("Ann", "Anna"), {}) == {(ann.tenant_id, ann.id): None}


def test_the_rows_before_stay_as_they_are() -> None:
    rows = RowPerAggregate(PEOPLE, {CREATED: NAMED, UPDATED: RENAMED})
    ann = User(OWN)
    before = rows.changed(ann.tells("Ann"), {})
    rows.changed(ann.tells("Anna"), before)
    assert before == {(ann.tenant_id, ann.id): {"name": "Ann", "version": 1}}


def test_an_event_without_a_version_is_refused() -> None:
    rows = RowPerAggregate(PEOPLE, {CREATED: NAMED})
    (told,) = User(OWN).tells("Ann")
    with pytest.raises(Permanent, match="has no version"):
        rows.changed([told._replace(aggregate_version=0)], {})


@pytest.mark.parametrize("key", [("tenant_id",), ("user_id", "tenant_id"), ("tenant_id", "user_id", "group_id")])
def test_another_primary_key_is_refused(key: tuple[str, ...]) -> None:
    with pytest.raises(Misconfigured, match="primary key"):
        row_per_aggregate("people", table(*key), {CREATED: NAMED})


def test_events_of_two_topics_are_refused() -> None:
    with pytest.raises(Misconfigured, match="one topic"):
        row_per_aggregate("people", PEOPLE, {CREATED: NAMED, club("other").updated: RENAMED})
