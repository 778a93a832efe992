"""The events that a rebuild skips, because an operator discarded their dead letters."""

from collections.abc import Collection, Mapping

from waypost.engine.consumer.message import MessageParser
from waypost.kernel.errors import Conflict
from waypost.ports.rebuild import DiscardedEvent
from waypost.ports.subscription import Partition


class DiscardedTooLate(Conflict):
    """An operator discarded a dead letter whose event is in the new rows already; nothing was
    changed.
    """


class DiscardedEvents:
    """Events may be discarded while the rebuild runs: they are updated before each round, and for
    the last time inside the swap, which locks out further ones.
    """

    def __init__(self, parser: MessageParser) -> None:
        self._parser = parser

    def update(self, discarded: Collection[DiscardedEvent], next_offsets: Mapping[Partition, int]) -> None:
        """Skips these events from now on. Raises DiscardedTooLate if the rebuild, which continues
        at these offsets, has handled one of them.
        """
        handled = [
            event
            for event in discarded
            if event.event_id not in self._parser.without and event.offset < next_offsets.get(event.partition, 0)
        ]
        if handled:
            raise DiscardedTooLate(
                f"{len(handled)} dead letters were discarded after the rebuild had handled their events, for example"
                f" event {handled[0].event_id}. Nothing was changed; run the rebuild again"
            )
        self._parser.without |= {event.event_id for event in discarded}
