"""Given, when, then: assertions that pass, and the messages of failed assertions."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from schemas.users import TenantClosed, TenantCreated, TenantRenamed
from waypost.kernel.aggregate import Aggregate
from waypost.kernel.errors import Conflict, Forbidden
from waypost.kernel.event import Event
from waypost.testing import given

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
TENANT = uuid4()
CREATED = TenantCreated(tenant_id=TENANT, name="Engines", created_at=NOW)
RENAMED = TenantRenamed(tenant_id=TENANT, name="Looms", renamed_at=NOW)
CLOSED = TenantClosed(tenant_id=TENANT, reason="requested", closed_at=NOW)


class Firm(Aggregate):
    aggregate_type = "firm"

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self.name = ""
        self.is_closed = False

    def rename(self, name: str) -> None:
        if self.is_closed:
            raise Conflict("the firm is closed")
        if name != self.name:
            self.record(TenantRenamed(tenant_id=self.tenant_id, name=name, renamed_at=NOW))

    def rename_and_refuse(self, name: str) -> None:
        self.rename(name)
        raise Forbidden("too late: the event is recorded")

    def apply(self, event: Event) -> None:
        match event:
            case TenantCreated(name=name) | TenantRenamed(name=name):
                self.name = name
            case TenantClosed():
                self.is_closed = True


def test_the_events_of_an_action_are_compared() -> None:
    firm = given(Firm, CREATED).when(lambda it: it.rename("Looms")).then(RENAMED)
    assert (firm.name, firm.version, firm.tenant_id) == ("Looms", 2, TENANT)
    given(Firm, CREATED).when(lambda it: it.rename("Engines")).then_nothing()
    given(Firm, CREATED).when(lambda it: it.rename("Looms")).then_types(TenantRenamed)


def test_other_events_than_expected_fail_with_both_lists() -> None:
    outcome = given(Firm, CREATED).when(lambda it: it.rename("Mills"))
    with pytest.raises(AssertionError, match=r"(?s)expected.*Looms.*but recorded.*Mills"):
        outcome.then(RENAMED)
    with pytest.raises(AssertionError, match=r"(?s)expected nothing.*but recorded.*Mills"):
        outcome.then_nothing()
    with pytest.raises(AssertionError, match="TenantClosed"):
        outcome.then_types(TenantClosed)


def test_a_refusal_is_given_back() -> None:
    refused = given(Firm, CREATED, CLOSED).when(lambda it: it.rename("Looms"))
    assert str(refused.then_raises(Conflict)) == "the firm is closed"
    with pytest.raises(Conflict, match="the firm is closed"):
        refused.then(RENAMED)


def test_another_error_than_expected_is_raised() -> None:
    with pytest.raises(Conflict):
        given(Firm, CREATED, CLOSED).when(lambda it: it.rename("Looms")).then_raises(Forbidden)
    with pytest.raises(AssertionError, match=r"(?s)expected Conflict, but it recorded.*Looms"):
        given(Firm, CREATED).when(lambda it: it.rename("Looms")).then_raises(Conflict)


def test_an_action_that_records_and_then_refuses_fails() -> None:
    outcome = given(Firm, CREATED).when(lambda it: it.rename_and_refuse("Looms"))
    with pytest.raises(AssertionError, match="after it had recorded"):
        outcome.then_raises(Forbidden)


def test_an_empty_history_gives_a_new_aggregate() -> None:
    outcome = given(Firm).when(lambda it: it.rename("Looms"))
    assert (outcome.aggregate.version, outcome.aggregate.stored_version) == (1, 0)
