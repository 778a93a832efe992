"""Parses records of invoices for the live view."""

from services.billing.live.movements import PAYMENT_EVENTS
from waypost.engine.consumer.message import Message, MessageParser
from waypost.kernel.envelope import Record
from waypost.kernel.errors import NewerSchema
from waypost.ports.codec import EventCodec


class MovementParser:
    def __init__(self, codec: EventCodec) -> None:
        self._parser = MessageParser(codec, PAYMENT_EVENTS)

    def parse(self, record: Record) -> Message:
        """Raises NewerSchema for a record of a newer release. The live view has no dead letters: a
        skipped record is missing in the totals permanently. The error ends the
        application before the offset is committed (`newer_record`), so that the newer release
        handles the record.
        """
        message = self._parser.parse(record)
        if isinstance(message.poison, NewerSchema):
            raise message.poison
        return message
