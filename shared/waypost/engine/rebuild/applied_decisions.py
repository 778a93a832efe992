"""A rebuild skips the events that an operator discarded, and the events that an adopted one
replaces.
"""

from collections.abc import Mapping

from waypost.engine.consumer.message import MessageParser
from waypost.kernel.errors import Conflict
from waypost.ports.operator_decisions import OperatorDecisions
from waypost.ports.subscription import Partition


class OperatorDecisionConflict(Conflict):
    """An operator discarded or adopted a dead letter, and the new rows contain the skipped event
    already; nothing was changed.
    """


class AppliedDecisions:
    """Operators may decide while the rebuild runs: the decisions are read again before each round,
    and for the last time inside the swap.
    """

    def __init__(self, parser: MessageParser, decisions: OperatorDecisions) -> None:
        self._parser = parser
        self._apply(decisions)

    def update(self, decisions: OperatorDecisions, next_offsets: Mapping[Partition, int]) -> None:
        """Applies further decisions. Raises OperatorDecisionConflict if the rebuild, which
        continues at these offsets, may have handled an event that it should have skipped.
        """
        handled = [
            event.event_id
            for event in decisions.discarded
            if event.event_id not in self._parser.without and event.offset < next_offsets.get(event.partition, 0)
        ]
        adopted = decisions.adopted.keys() - self._parser.adopted.keys()
        if handled or adopted:
            raise OperatorDecisionConflict(
                f"an operator settled {len(handled) + len(adopted)} dead letters after the rebuild had begun, whose"
                " events the new rows contain. Nothing was changed; run the rebuild again"
            )
        self._apply(decisions)

    def _apply(self, decisions: OperatorDecisions) -> None:
        self._parser.without = frozenset(event.event_id for event in decisions.discarded)
        self._parser.adopted = decisions.adopted
