"""The codec of the arms without Avro keeps every event as it is."""

import pytest

from bench.json_codec import JsonCodec
from schemas.catalogue import EVENTS
from waypost.kernel.event import Event, is_encryptable, with_personal_ciphertext
from waypost.schemas.application import application_codec
from waypost.testing.samples import sample_of

CODEC = JsonCodec(application_codec(), dict(EVENTS))
KINDS = sorted(EVENTS.values(), key=lambda kind: kind.type)


def again(event: Event) -> Event:
    return CODEC.decode(event.type, CODEC.encode(event).payload)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.type)
def test_an_event_is_read_as_it_was_written(kind: type[Event]) -> None:
    event = sample_of(kind)
    assert again(event) == event
    if is_encryptable(kind):
        assert again(encrypted := with_personal_ciphertext(event, bytes(range(256)))) == encrypted
