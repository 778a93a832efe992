"""Given-when-then tests of an aggregate: given events, when an action runs, then events are
recorded.

    given(Invoice, created, line_added).when(lambda invoice: invoice.void(at=NOW)).then(voided)
    given(Invoice, paid).when(lambda invoice: invoice.void(at=NOW)).then_raises(InvoiceNotOpen)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

from waypost.kernel.aggregate import Aggregate
from waypost.kernel.event import Event
from waypost.kernel.ids import TenantId, new_id

A = TypeVar("A", bound=Aggregate)
Raised = TypeVar("Raised", bound=Exception)


@dataclass(frozen=True, slots=True)
class Given(Generic[A]):
    aggregate: A

    def when(self, action: Callable[[A], object]) -> "ActionOutcome[A]":
        """Calls `action` with the aggregate. `then_raises` returns the error of the action; every
        other `then` raises it.
        """
        before = len(self.aggregate.recorded)
        try:
            action(self.aggregate)
        except Exception as error:  # noqa: BLE001 - the outcome compares it with the expected error
            return ActionOutcome(self.aggregate, tuple(self.aggregate.recorded[before:]), error)
        return ActionOutcome(self.aggregate, tuple(self.aggregate.recorded[before:]), None)


@dataclass(frozen=True, slots=True)
class ActionOutcome(Generic[A]):
    aggregate: A
    _recorded: Sequence[Event]
    _error: Exception | None

    @property
    def recorded(self) -> Sequence[Event]:
        """The events of this action, in order. Raises what the action raised."""
        if self._error is not None:
            raise self._error
        return self._recorded

    def then(self, *expected: Event) -> A:
        """Asserts that exactly these events were recorded, in this order. Returns the aggregate."""
        if list(self.recorded) != list(expected):
            raise AssertionError(f"expected {_listed(expected)}\nbut recorded {_listed(self.recorded)}")
        return self.aggregate

    def then_types(self, *expected: type[Event]) -> A:
        """Asserts that events of exactly these types were recorded, in this order. Returns the
        aggregate.
        """
        recorded = [type(event) for event in self.recorded]
        if recorded != list(expected):
            raise AssertionError(f"expected {[kind.__name__ for kind in expected]}, recorded {_listed(self.recorded)}")
        return self.aggregate

    def then_nothing(self) -> A:
        """Asserts that no event was recorded. Returns the aggregate."""
        return self.then()

    def then_raises(self, expected: type[Raised]) -> Raised:
        """Asserts that the action raised this error and recorded no event. Returns the error."""
        if not isinstance(self._error, expected):
            if self._error is not None:
                raise self._error
            raise AssertionError(f"expected {expected.__name__}, but it recorded {_listed(self._recorded)}")
        if self._recorded:
            raise AssertionError(f"it raised {expected.__name__} after it had recorded {_listed(self._recorded)}")
        return self._error


def given(kind: type[A], *history: Event, id: UUID | None = None) -> Given[A]:  # noqa: A002 - an aggregate's id is its id
    """An aggregate with this history, of the tenant of the first event. Without a history, a new
    aggregate of a new tenant.
    """
    tenant_id = TenantId(history[0].tenant_id if history else new_id())
    return Given(kind.fold(id or new_id(), tenant_id, history))


def _listed(events: Sequence[Event]) -> str:
    return "\n  ".join(["", *map(repr, events)]) if events else "nothing"
