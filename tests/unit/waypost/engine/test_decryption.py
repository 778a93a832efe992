"""A consumer's handlers get readable events; a record waits for its key, and others do not."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.unit.schemas.test_classes import user_created
from waypost.engine.consumer import decryption
from waypost.engine.consumer.batch import Batch
from waypost.engine.consumer.decryption import DecryptingEffects
from waypost.engine.consumer.effects import effects_of
from waypost.engine.consumer.message import Message, MessageParser
from waypost.kernel.envelope import Envelope
from waypost.kernel.errors import NotYet
from waypost.kernel.event import Event, without_personal_data
from waypost.ports.consumers import Reactor
from waypost.ports.subscription import Partition
from waypost.postgres.personal_cipher import decrypted, encrypted, new_key
from waypost.schemas.application import application_codec
from waypost.testing.envelopes import envelope_of, record_of

CODEC = application_codec()
ERASED = b""


class Keys:
    """A transaction with the keys of people. Some appear only at a later look."""

    def __init__(self, keys: dict[UUID, bytes], late: Sequence[dict[UUID, bytes]] = ()) -> None:
        self.keys, self.late = keys, list(late)
        self.looks = 0

    async def readable(self, envelopes: Sequence[Envelope[Any]]) -> Sequence[Envelope[Any] | None]:
        found = [self._readable(envelope) for envelope in envelopes]
        self.looks += 1
        if self.late:
            self.keys |= self.late.pop(0)
        return found

    def _readable(self, envelope: Envelope[Any]) -> Envelope[Any] | None:
        key = self.keys.get(envelope.aggregate_id)
        if key is None:
            return None
        event = envelope.event
        readable = without_personal_data(event) if key == ERASED else decrypted(event, envelope.event_id, key)
        return envelope._replace(event=readable)


class Handled:
    """Effects that record what the handlers get, and fail for one address."""

    by_batch = False

    def __init__(self, refused: str | None = None) -> None:
        self.emails: list[str] = []
        self._refused = refused

    async def run(self, messages: Sequence[Message], batch: Batch, transaction: Any) -> None:
        for message in messages:
            batch.handling = message
            assert message.envelope is not None
            event: Any = message.envelope.event
            if event.email == self._refused:
                raise ValueError("the handler refuses it")
            self.emails.append(event.email)
        batch.handling = None


def batch_of(keys: dict[UUID, bytes], *emails: str, readable: bool = False) -> Batch:
    """One record per address. `keys` gets the key of each person."""
    parser, messages = MessageParser(CODEC, [type(user_created())]), []
    for offset, email in enumerate(emails):
        person = uuid4()
        keys[person] = new_key()
        envelope = envelope_of(_created(email), person)
        if not readable:
            hidden = encrypted(envelope.event, envelope.event_id, person, keys[person])
            envelope = envelope._replace(event=hidden)
        messages.append(parser.parse(record_of(envelope, CODEC, offset=offset)))
    return Batch(partition=Partition("users.user", 0), expected=0, topic_id=None, messages=messages, step="handle")


def _created(email: str) -> Any:
    return replace(user_created(), email=email)


async def run(effects: DecryptingEffects, batch: Batch, transaction: Keys) -> None:
    await effects.run(batch.messages, batch, transaction)  # type: ignore[arg-type]  # the part that it uses


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decryption, "KEY_POLL_PAUSES_SECONDS", (0.0, 0.0, 0.0))


async def test_handlers_get_readable_events_and_empty_ones_of_the_erased() -> None:
    keys: dict[UUID, bytes] = {}
    batch, handled = batch_of(keys, "a@x.org", "b@x.org"), Handled()
    keys[list(keys)[1]] = ERASED
    transaction = Keys(keys)
    await run(DecryptingEffects(handled), batch, transaction)
    assert (handled.emails, transaction.looks, batch.handling) == (["a@x.org", ""], 1, None)


async def test_a_batch_without_ciphertext_asks_for_no_key() -> None:
    batch, handled, transaction = batch_of({}, "a@x.org", readable=True), Handled(), Keys({})
    await run(DecryptingEffects(handled), batch, transaction)
    assert (handled.emails, transaction.looks) == (["a@x.org"], 0)


async def test_a_key_that_arrives_within_the_wait_is_used() -> None:
    keys: dict[UUID, bytes] = {}
    batch, handled = batch_of(keys, "a@x.org"), Handled()
    transaction = Keys({}, late=[{}, keys])
    await run(DecryptingEffects(handled), batch, transaction)
    assert (handled.emails, transaction.looks) == (["a@x.org"], 3)


async def test_the_record_whose_key_is_missing_is_named_and_later_batches_do_not_wait() -> None:
    keys: dict[UUID, bytes] = {}
    batch, effects = batch_of(keys, "a@x.org", "b@x.org"), DecryptingEffects(Handled())
    del keys[list(keys)[1]]
    for looks in (4, 1):
        transaction = Keys(dict(keys))
        with pytest.raises(NotYet):
            await run(effects, batch, transaction)
        assert transaction.looks == looks
        assert batch.handling is batch.messages[1]
        assert [len(part.messages) for part in batch.around(batch.messages[1])] == [1, 1]


async def test_a_failing_handler_leaves_the_batch_with_its_own_message() -> None:
    keys: dict[UUID, bytes] = {}
    batch = batch_of(keys, "a@x.org", "b@x.org")
    with pytest.raises(ValueError, match="refuses"):
        await run(DecryptingEffects(Handled(refused="b@x.org")), batch, Keys(keys))
    assert batch.handling is batch.messages[1]


async def nothing(envelope: Envelope[Event], uow: object) -> None:
    """A handler."""


def test_only_consumers_that_read_personal_data_decrypt() -> None:
    created = type(user_created())
    assert isinstance(effects_of(Reactor("r", {created: nothing}), "x.r"), DecryptingEffects)
    for consumer in (Reactor("r", {created: nothing}, reads_personal_data=False), Reactor("r", {})):
        assert not isinstance(effects_of(consumer, "x.r"), DecryptingEffects)
