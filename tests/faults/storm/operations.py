"""What the load asked for, and what it was told: the log's entries put together, one operation
each.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from tests.faults.storm.journal import entries


class Outcome(StrEnum):
    OK = "ok"
    FAIL = "fail"
    """Refused (4xx), or never sent: it may have had no effect at all."""
    UNKNOWN = "unknown"
    """It may have happened or not, but the same everywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    outcome: Outcome = Outcome.UNKNOWN
    status: int | None = None
    answer: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    id: str
    """Sent as X-Correlation-Id: the events that it causes bear it."""
    name: str
    tenant: str | None
    route: str
    """`POST /invoices`, as the service keeps it beside the key."""
    key: str | None
    tries: Sequence[Try]

    @property
    def outcome(self) -> Outcome:
        """A refusal proves nothing while an earlier try of the same operation may still have come
        through.
        """
        outcomes = {each.outcome for each in self.tries}
        return next(each for each in (Outcome.OK, Outcome.UNKNOWN, Outcome.FAIL) if each in outcomes)

    @property
    def answers(self) -> Sequence[Mapping[str, Any]]:
        """Of every try that was acknowledged."""
        return [each.answer for each in self.tries if each.outcome is Outcome.OK and each.answer is not None]


def operations_in(log: Path) -> Sequence[Operation]:
    """In the order in which they were begun."""
    begun: dict[str, dict[str, Any]] = {}
    tries: dict[str, dict[int, Try]] = defaultdict(dict)
    for entry in entries(log):
        if "op" not in entry:
            continue
        begun.setdefault(entry["op"], entry)
        # A call without an outcome was cut off with us: nobody knows.
        tries[entry["op"]][entry["try"]] = (
            Try(outcome=Outcome(entry["outcome"]), status=entry["status"], answer=entry["answer"])
            if "outcome" in entry
            else Try()
        )
    return [
        Operation(
            id=each["op"],
            name=each["name"],
            tenant=each["tenant"],
            route=each["route"],
            key=each["key"],
            tries=list(tries[each["op"]].values()),
        )
        for each in begun.values()
    ]
