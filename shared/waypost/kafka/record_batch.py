"""Record batches that are compressed fast."""

from struct import Struct

from aiokafka.codec import lz4_encode
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.util import calc_crc32c

_BEFORE_LENGTH = Struct(">qi")
"""The base offset, and the length of what follows."""
_START = Struct(">qiibI")
"""As above; leader epoch, version, and the checksum of the rest."""
_HEADER_BYTES = _START.size + Struct(">hiqqqhii").size
_NONE, _LZ4 = 0, 3
_FAST = 1
"""Level of LZ4. aiokafka uses the level 9: it takes 9 times as long, for 4 % fewer bytes."""

_HIGHEST_SEQUENCE = 2**31 - 1


class FastBatch(BatchBuilder):  # type: ignore[misc]  # aiokafka is not annotated
    """A batch for `send_batch` that compresses its records when it is sent."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__(max_bytes, _NONE)
        self._compressed: bytes | bytearray | None = None

    def _set_producer_state(self, producer_id: int, producer_epoch: int, base_sequence: int) -> None:
        """After the highest sequence number aiokafka continues with the lowest negative one, Kafka
        with 0.
        """
        super()._set_producer_state(producer_id, producer_epoch, base_sequence & _HIGHEST_SEQUENCE)

    def _build(self) -> bytes | bytearray:
        """The bytes to send; the same ones when the producer sends them again."""
        if self._compressed is None:
            self._compressed = compressed(super()._build())
        return self._compressed


def compressed(batch: bytearray) -> bytes | bytearray:
    """The batch with compressed records, or itself if they become no smaller."""
    records: bytes = lz4_encode(bytes(batch[_HEADER_BYTES:]), _FAST)
    if _HEADER_BYTES + len(records) >= len(batch):
        return batch
    offset, _, epoch, version, _ = _START.unpack_from(batch)
    attributes = int.from_bytes(batch[_START.size : _START.size + 2], "big") | _LZ4
    rest = attributes.to_bytes(2, "big") + batch[_START.size + 2 : _HEADER_BYTES] + records
    length = _START.size - _BEFORE_LENGTH.size + len(rest)
    return _START.pack(offset, length, epoch, version, calc_crc32c(rest)) + rest
