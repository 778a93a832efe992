"""The operations of the load and their responses: combines the log's entries to one entry per
operation.
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
    """Refused (4xx), or never sent: it must have had no effect."""
    UNKNOWN = "unknown"
    """It may have happened or not, but consistently everywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    outcome: Outcome = Outcome.UNKNOWN
    status: int | None = None
    answer: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    id: str
    """Sent as X-Correlation-Id; the events that it causes carry it."""
    name: str
    tenant: str | None
    route: str
    """`POST /invoices`, as the service stores it with the key."""
    key: str | None
    tries: Sequence[Try]

    @property
    def outcome(self) -> Outcome:
        """A refusal proves nothing while an earlier attempt of the same operation may have
        succeeded.
        """
        outcomes = {attempt.outcome for attempt in self.tries}
        return next(each for each in (Outcome.OK, Outcome.UNKNOWN, Outcome.FAIL) if each in outcomes)

    @property
    def answers(self) -> Sequence[Mapping[str, Any]]:
        """Responses of all acknowledged attempts."""
        return [
            attempt.answer for attempt in self.tries if attempt.outcome is Outcome.OK and attempt.answer is not None
        ]


def operations_in(log: Path) -> Sequence[Operation]:
    """In the order of their start."""
    begun: dict[str, dict[str, Any]] = {}
    tries: dict[str, dict[int, Try]] = defaultdict(dict)
    for entry in entries(log):
        if "op" not in entry:
            continue
        begun.setdefault(entry["op"], entry)
        # A call without an outcome was interrupted with this process: its effect is unknown.
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
