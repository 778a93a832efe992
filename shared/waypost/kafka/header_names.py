"""Header names that are no UTF-8: the broker keeps any bytes, and aiokafka raises on them again and
again and drops what came before them.

Here they are read like the others, with `surrogateescape`, so that the record becomes a letter that
has its bytes.
"""

import struct
from collections.abc import Iterator
from itertools import islice
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords

_BATCH_OVERHEAD = struct.calcsize(">qi")
_LENGTH = struct.Struct(">8xi")


class _TolerantRecords:
    """aiokafka's `MemoryRecords`: the batches of one answer to a fetch."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._begin = 0
        self._records = MemoryRecords(answer)
        self.has_next = self._records.has_next
        self.size_in_bytes = self._records.size_in_bytes

    def next_batch(self) -> "_TolerantBatch":
        begin = self._begin
        self._begin += _BATCH_OVERHEAD + _LENGTH.unpack_from(self._answer, begin)[0]
        return _TolerantBatch(self._records.next_batch(), memoryview(self._answer)[begin : self._begin])


class _TolerantBatch:
    def __init__(self, batch: Any, content: memoryview) -> None:
        self._batch = batch
        self._content = content

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        given = 0
        try:
            for record in self._batch:
                yield record
                given += 1
        except UnicodeDecodeError:
            yield from islice(_read_slowly(self._content), given, None)


def _read_slowly(content: memoryview) -> Iterator[Any]:
    batch = _DefaultRecordBatchPy(content)
    batch._maybe_uncompress()
    batch._buffer = _TolerantBytes(batch._buffer)
    yield from batch


class _TolerantBytes(bytearray):
    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        return _TolerantBytes(found) if isinstance(at, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "surrogateescape") -> str:
        return super().decode(encoding, errors)


def read_any_header_name() -> None:
    """For every consumer of this process. aiokafka's fetcher has no other place to say it, and one
    without that name is refused here.
    """
    if fetcher.MemoryRecords is MemoryRecords:
        fetcher.MemoryRecords = _TolerantRecords
