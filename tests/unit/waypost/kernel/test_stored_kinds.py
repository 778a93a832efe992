"""A stored kind of a newer release is shown as its text, and no decision is made on it."""

from dataclasses import replace
from enum import StrEnum

import pytest

from schemas.notifications import NotificationQueued
from services.notifications.domain import Notification
from waypost.kernel.errors import NewerKind
from waypost.kernel.ids import TenantId, new_id
from waypost.kernel.stored_kinds import known_member, member_or_text
from waypost.testing.samples import sample_of


class Colour(StrEnum):
    RED = "red"


def test_a_known_text_is_its_member() -> None:
    assert member_or_text(Colour, "red") is known_member(Colour, "red") is Colour.RED


def test_an_unknown_text_is_shown_as_it_is() -> None:
    assert member_or_text(Colour, "blue") == "blue"


def test_an_unknown_text_decides_nothing() -> None:
    with pytest.raises(NewerKind, match="'blue' is not a Colour of this release: a newer release has stored it"):
        known_member(Colour, "blue")


def test_an_aggregate_with_a_newer_kind_is_not_loaded() -> None:
    queued = replace(sample_of(NotificationQueued), kind="plan_retired")
    with pytest.raises(NewerKind, match="plan_retired"):
        Notification(new_id(), TenantId(queued.tenant_id)).apply(queued)
