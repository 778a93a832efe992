"""Header names that are not UTF-8. The broker accepts any bytes, but aiokafka raises an error for
them each time and drops the records before them.

Here they are read with `surrogateescape`, so that the record becomes a dead letter with its
original bytes.
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
    """Replacement of aiokafka's `MemoryRecords`: the batches of one fetch response."""

    def __init__(self, response: bytes) -> None:
        self._response = response
        self._begin = 0
        self._records = MemoryRecords(response)
        self.has_next = self._records.has_next
        self.size_in_bytes = self._records.size_in_bytes

    def next_batch(self) -> "_TolerantBatch":
        begin = self._begin
        self._begin += _BATCH_OVERHEAD + _LENGTH.unpack_from(self._response, begin)[0]
        return _TolerantBatch(self._records.next_batch(), memoryview(self._response)[begin : self._begin])


class _TolerantBatch:
    def __init__(self, batch: Any, content: memoryview) -> None:
        self._batch = batch
        self._content = content

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        """One record after the other: a list of all would take a third more time."""
        read = 0
        try:
            for record in self._batch:
                yield record
                read += 1
        except UnicodeDecodeError:
            yield from islice(_read_with_escapes(self._content), read, None)


def _read_with_escapes(content: memoryview) -> Iterator[Any]:
    batch = _DefaultRecordBatchPy(content)
    batch._maybe_uncompress()
    batch._buffer = _TolerantBytes(batch._buffer)
    yield from batch


class _TolerantBytes(bytearray):
    def __getitem__(self, at: Any) -> Any:
        result = super().__getitem__(at)
        return _TolerantBytes(result) if isinstance(at, slice) else result

    def decode(self, encoding: str = "utf-8", errors: str = "surrogateescape") -> str:
        return super().decode(encoding, errors)


def read_any_header_name() -> None:
    """Installs the replacement for every consumer of this process. aiokafka's fetcher has no other
    extension point; raises if it has no such name.
    """
    if fetcher.MemoryRecords is MemoryRecords:
        fetcher.MemoryRecords = _TolerantRecords
