"""Decrypts the personal data of events for the handlers of a consumer.

The keys arrive on a topic of their own, so that a key may be some milliseconds later than the first
event that needs it. A batch waits 0.4 s for it. Then the record waits as a dead letter, like each
record that needs a row from another topic.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from waypost.engine.consumer.batch import Batch
from waypost.engine.consumer.message import Message
from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event, personal_ciphertext
from waypost.kernel.ids import EventId
from waypost.ports.consumer_transaction import ConsumerTransaction
from waypost.ports.person_keys import key_not_arrived

if TYPE_CHECKING:
    from waypost.engine.consumer.effects import Effects

KEY_POLL_PAUSES_SECONDS = (0.01, 0.03, 0.06, 0.1, 0.2)
"""Pauses between the reads of a key that has not arrived."""

KEY_WAIT_COOLDOWN_SECONDS = 10.0
"""After a batch has waited without success, batches do not wait for this time: the topic of keys is
late.
"""


class DecryptingEffects:
    """`Effects` whose handlers get readable events. A batch without ciphertext costs nothing."""

    def __init__(self, effects: "Effects") -> None:
        self.by_batch = effects.by_batch
        self._effects = effects
        self._may_wait_at = 0.0

    async def run(self, messages: Sequence[Message], batch: Batch, transaction: ConsumerTransaction) -> None:
        """Raises NotYet for an event whose key has not arrived, UndecodableRecord for a ciphertext
        that its key does not decrypt, and the errors of the handlers.
        """
        encrypted = [message for message in messages if is_encrypted(message)]
        if not encrypted:
            await self._effects.run(messages, batch, transaction)
            return
        readable = await self._readable(encrypted, batch, transaction)
        try:
            await self._effects.run(
                [_with_envelope(message, readable.get(message.event_id)) for message in messages], batch, transaction
            )
        finally:
            if batch.handling is not None:  # the batch is split at one of its own messages, not at a decrypted copy
                batch.handling = _message_in_batch(batch.handling, messages)

    async def _readable(
        self, encrypted: Sequence[Message], batch: Batch, transaction: ConsumerTransaction
    ) -> Mapping[EventId, Envelope[Event]]:
        """The readable events by id."""
        pauses = KEY_POLL_PAUSES_SECONDS if time.monotonic() >= self._may_wait_at else ()
        found = await readable_events(encrypted, transaction)
        for pause in pauses:
            if len(found) == len(encrypted):
                return found
            await asyncio.sleep(pause)
            found = await readable_events(encrypted, transaction)
        if len(found) < len(encrypted):
            self._may_wait_at = time.monotonic() + KEY_WAIT_COOLDOWN_SECONDS
            batch.handling = late = next(message for message in encrypted if message.event_id not in found)
            event_type = late.attributes.event_type if late.attributes else "event"
            raise key_not_arrived(f"this {event_type} of {late.aggregate_id}")
        return found


async def readable_events(
    encrypted: Sequence[Message], transaction: ConsumerTransaction
) -> Mapping[EventId, Envelope[Event]]:
    """The events with readable personal data, by id; without those whose key has not arrived."""
    envelopes = [message.envelope for message in encrypted if message.envelope is not None]
    found = await transaction.readable(envelopes)
    pairs = zip(encrypted, found, strict=True)
    return {message.event_id: envelope for message, envelope in pairs if envelope is not None}


def is_encrypted(message: Message) -> bool:
    """Whether the event has personal data that must be decrypted."""
    return (envelope := message.envelope) is not None and personal_ciphertext(envelope.event) != b""


def _with_envelope(message: Message, envelope: Envelope[Event] | None) -> Message:
    return message if envelope is None else message._replace(envelope=envelope)


def _message_in_batch(handled: Message, messages: Sequence[Message]) -> Message:
    return next(message for message in messages if message.record is handled.record)
