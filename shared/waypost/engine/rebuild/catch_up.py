"""Writes the records of several partitions side by side, and counts them."""

import asyncio
import time
from collections.abc import Callable

from waypost.engine.consumer.truncation import refuse_other
from waypost.engine.operator_rate import OperatorRate
from waypost.engine.rebuild.folding_writer import FoldingWriter
from waypost.engine.rebuild.parts import Positions, records_below
from waypost.engine.rebuild.read_ahead import ReadAhead
from waypost.engine.rebuild.shadow_writer import ShadowWriter
from waypost.engine.rebuild.swap import Progress
from waypost.engine.side_by_side import side_by_side
from waypost.ports.inbox import ConsumerPosition
from waypost.ports.rebuild import WRITERS, ShadowTransactions
from waypost.ports.subscription import Partition


class CatchUp:
    """Writes records up to given positions: one task per partition, one transaction per batch."""

    def __init__(
        self,
        writer: ShadowWriter | FoldingWriter,
        ahead: ReadAhead,
        transactions: ShadowTransactions,
        rate: OperatorRate,
        max_records: int,
        report: Callable[[int], None],
    ) -> None:
        self.ahead = ahead
        self.transactions = transactions
        self._writer = writer
        self._rate = rate
        self._at_once = rate.at_once(max_records)
        self._report = report
        self._turns = asyncio.Semaphore(1 if rate.is_limited else WRITERS)

    async def up_to(self, positions: Positions) -> None:
        """Never writes beyond the positions, so that the new rows hold exactly the same records as
        the live ones. Raises LogTruncated and Transient.
        """
        await self.ahead.refuse_truncated(positions)
        await side_by_side(self._write(partition, position) for partition, position in positions.items())

    async def _write(self, partition: Partition, position: ConsumerPosition) -> None:
        async with self._turns:
            while (records := await self.ahead.below(partition, position.next_offset, self._at_once)) is not None:
                refuse_other(partition, records, position)
                if records:
                    await self._writer.write(partition, records, self.transactions)
                    self._writer.count(partition, records)
                    self._report(len(records))
                    await self._rate.after(len(records))
            await self._writer.flush(partition, self.transactions)


class Counter:
    """Counts the records of all processes, and shows the progress."""

    def __init__(self, progress: Callable[[Progress], None]) -> None:
        self.started_at = time.monotonic()
        self._progress = progress
        self._records = 0
        self._of = 0

    def aim(self, live: Positions) -> None:
        self._of = records_below(live)

    def add(self, records: int) -> None:
        self.set(self._records + records)

    def set(self, records: int) -> None:
        self._records = records
        self._progress(Progress.since(self.started_at, self._records, self._of))
