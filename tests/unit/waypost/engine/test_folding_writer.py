"""A rebuild in memory leaves what it cannot read to the pipeline, which finds the record at
fault.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

from tests.unit.schemas.test_classes import user_created
from waypost.engine.consumer.message import MessageParser
from waypost.engine.consumer.policy import ConsumerPolicy
from waypost.engine.rebuild.folding_writer import FoldingWriter
from waypost.kernel.clock import SystemClock
from waypost.kernel.envelope import Record
from waypost.kernel.errors import UndecodableRecord
from waypost.ports.subscription import Partition
from waypost.postgres.personal_cipher import encrypted, new_key
from waypost.schemas.application import application_codec
from waypost.testing.envelopes import envelope_of, record_of

PARTITION = Partition("users.user", 0)


class Damaged:
    """Transactions in which no ciphertext can be decrypted."""

    @asynccontextmanager
    async def begin(self, tenants: Iterable[Any]) -> AsyncIterator["Damaged"]:
        yield self

    async def readable(self, envelopes: Sequence[Any]) -> Sequence[Any]:
        raise UndecodableRecord("the key does not decrypt it")


class Pipeline:
    """A ShadowWriter that records what it gets."""

    name = "club.members~new"

    def __init__(self) -> None:
        self.next_offsets = {PARTITION: 0}
        self.written: list[Record] = []

    async def write(self, partition: Partition, records: Sequence[Record], transactions: Any) -> None:
        self.written.extend(records)


async def test_a_record_that_cannot_be_decrypted_is_left_to_the_pipeline() -> None:
    codec, person = application_codec(), uuid4()
    envelope = envelope_of(user_created(), person)
    hidden = encrypted(envelope.event, envelope.event_id, person, new_key())
    record = record_of(envelope._replace(event=hidden), codec)
    pipeline: Any = Pipeline()
    parser, rows, transactions = MessageParser(codec, [type(user_created())]), object(), Damaged()
    writer = FoldingWriter(pipeline, rows, parser, ConsumerPolicy(), SystemClock(), decrypts=True)  # type: ignore[arg-type]  # no row is read
    await writer.write(PARTITION, [record], transactions)  # type: ignore[arg-type]  # the part that it uses
    assert pipeline.written == [record]
