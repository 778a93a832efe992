"""For any content of a record, the partition continues, and the record is stored (rows 32, 34 and
36 of the fault matrix).
"""

import os
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from tests.fixtures.club import Stage
from tests.fixtures.operators import AUDIT
from waypost.engine.consumer.batch_processor import PartitionStuck
from waypost.kernel.backoff import Backoff
from waypost.kernel.envelope import Envelope
from waypost.ports.dead_letters import DeadLetter, DeadLetterNotStorable
from waypost.postgres.dead_letters.parked_keys import PostgresParkedKeys
from waypost.postgres.dead_letters.store import PostgresDeadLetters
from waypost.testing.database import connected
from waypost.testing.eventually import eventually

STRIPPED = "waypost_consumer_stripped_dead_letters_total"

Headers = list[tuple[str, Any]]


def without(headers: Headers, name: str) -> Headers:
    return [header for header in headers if header[0] != name]


def instead(headers: Headers, name: str, value: Any) -> Headers:
    return [*without(headers, name), (name, value)]


def failures(consumer: str) -> float:
    """Transactions that could not store their dead letters."""
    found = REGISTRY.get_sample_value(
        "waypost_consumer_failed_transactions_total", {"consumer": consumer, "step": "store_dead_letters"}
    )
    return found or 0.0


async def publish_corpus(stage: Stage) -> tuple[int, int]:
    """Publishes bad records. Returns the number with readable headers, and the number without."""

    def parts() -> dict[str, Any]:
        return stage.topic.parts(stage.user().tells("Eve")[0])

    readable = [
        {**parts(), "value": value} for value in (None, b"", b"\x00", b"garbage", b"\x01" + parts()["value"][1:])
    ]
    readable.append({**parts(), "value": b"\x00\x7f\xff\xff\xff" + parts()["value"][5:]})
    readable.append({**parts(), "value": parts()["value"][:-4]})
    readable.append({**parts(), "value": parts()["value"] + b"tail"})
    readable.append({**parts(), "value": parts()["value"]})  # a body of another tenant
    one = parts()
    unreadable = [
        {**one, "headers": without(one["headers"], name)} for name in ("ce_id", "ce_tenantid", "ce_type", "ce_time")
    ]
    unreadable += [
        {**one, "headers": instead(one["headers"], "ce_sequence", value)} for value in (b"0", b"one", b"\xff", None)
    ]
    # A value that a row cannot hold, and a time that is out of range once it is converted to UTC.
    unreadable.append({**one, "headers": instead(one["headers"], "ce_sequence", b"9" * 19)})
    unreadable.append({**one, "headers": instead(one["headers"], "ce_time", b"0001-01-01T00:00:00+23:59")})
    unreadable.append({**one, "value": None, "headers": instead(one["headers"], "ce_type", b"user\0created")})
    unreadable += [{**one, "headers": instead(one["headers"], "ce_subject", b"nobody")}, {**one, "headers": []}]
    unreadable += [{**one, "headers": [*one["headers"], *one["headers"]]}]
    unreadable.append({**one, "headers": instead(one["headers"], "content-type", b"\xff")})
    unreadable += [{**one, "headers": [*one["headers"], (name, b"1")]} for name in ("ce_id\udcff", "\udcc3(")]
    unreadable += [{**one, "key": key} for key in (None, b"", b"another key")]
    for record in (*readable, *unreadable):
        await stage.topic.publish_raw(**record)
    return len(readable), len(unreadable)


async def test_bad_records_are_kept_and_good_ones_flow(stage: Stage) -> None:
    ann = stage.user()
    created, renamed = ann.tells("Ann", "Anna")
    await stage.topic.publish(created)
    readable, unreadable = await publish_corpus(stage)
    await stage.topic.publish(renamed)

    async with stage.consuming(stage.club.members), stage.consuming(stage.club.greetings):
        await eventually(lambda: stage.reached(2 + readable + unreadable))
    assert await stage.names(ann) == [["Ann", "Anna"]]
    assert await stage.greeted(ann) == [[1, 2]]
    kept = await stage.rows(
        "select consumer, count(*), count(type), count(distinct id) from dead_letters where status = 'dead' group by 1 order by 1"
    )
    assert [row[1:3] for row in kept] == [(readable + unreadable, readable)] * 2
    assert len(await stage.parked()) == 2 * readable


async def test_a_dead_letter_holds_the_bytes_of_its_record(stage: Stage) -> None:
    key, value = b"\xff\x00", b"\x00 bytes \xfe"
    headers = [("ce_id", b"\xc3\x28"), ("x", b"nul \x00"), ("name \udcfe", b"1")]
    await stage.topic.publish_raw(key=key, value=value, headers=headers)

    async with stage.consuming(stage.club.members) as group:
        await eventually(lambda: stage.reached(1, consumers=1))
        (dead_letter,) = await stage.rows("select id, key, payload from dead_letters")
        assert dead_letter[1:] == (key, value)
        kept = await group.retries.find(dead_letter[0])
    assert kept is not None
    assert kept.record.value == value
    assert list(kept.record.headers) == headers


async def test_redelivered_poison_record_is_one_dead_letter(stage: Stage) -> None:
    ann = stage.user()
    told: Envelope[Any] = ann.tells("Ann")[0]
    for _ in range(3):
        await stage.topic.publish_raw(**{**stage.topic.parts(told), "value": b"garbage"})

    async with stage.consuming(stage.club.greetings):
        await eventually(lambda: stage.reached(3, consumers=1))
    assert await stage.dead_letters() == [("dead", 1, 1, "UndecodableRecord")]


@pytest.mark.parametrize(
    ("closed", "opened"),
    [
        (
            "alter table dead_letters add constraint closed check (false) not valid",
            "alter table dead_letters drop constraint closed",
        ),
        ("revoke insert on dead_letters from club_app", "grant insert on dead_letters to club_app"),
    ],
)
async def test_no_record_is_skipped_while_dead_letters_cannot_be_stored(stage: Stage, closed: str, opened: str) -> None:
    ann = stage.user()
    await stage.topic.publish(*ann.tells("Ann"))
    await stage.topic.publish_raw(key=b"?", value=b"garbage")
    async with connected(stage.database.owner) as owner:
        await owner.execute(closed)

        before = failures("club.greetings")
        async with stage.consuming(stage.club.greetings) as group:
            await eventually(lambda: stage.reached(1, consumers=1))
            await eventually(lambda: failures(group.name) > before)
            assert await stage.consumer_position() == [1]
            await owner.execute(opened)
            await eventually(lambda: stage.reached(2, consumers=1))
    assert len(await stage.dead_letters()) == 1


@pytest.mark.parametrize("name", ["members", "greetings"])
async def test_records_with_foreign_keys_of_any_length_do_not_stop_the_partition(stage: Stage, name: str) -> None:
    """Undecodable ones, and decodable ones that park their key: events without a sequence may have
    any key.
    """
    consumer = stage.club.members if name == "members" else stage.club.greetings
    ann, eve = stage.user(), stage.user()
    created, renamed = ann.tells("Ann", "Anna")
    parts = stage.topic.parts(eve.tells("Eve")[0])
    keys = [os.urandom(length) for length in (1_000, 2_705, 4_000, 100_000)]
    await stage.topic.publish(created)
    for key in keys:
        await stage.topic.publish_raw(key=key, value=b"junk")
        headers = instead(without(parts["headers"], "ce_sequence"), "ce_id", str(uuid4()).encode())
        await stage.topic.publish_raw(key=key, value=b"junk", headers=headers)
    await stage.topic.publish(renamed)

    async with stage.consuming(consumer) as group:
        await eventually(lambda: stage.reached(2 + 2 * len(keys), consumers=1))
        rows = await stage.rows("select id, key, headers ->> 'key' is not null from dead_letters order by kafka_offset")
        assert [(row[1], row[2]) for row in rows] == [(key, True) for key in keys for _ in range(2)]
        assert await stage.rows("select count(*) from parked_keys") == [(len(keys),)]
        for dead_letter_id, *_ in rows:
            await group.retries.discard(dead_letter_id, AUDIT)
    assert await stage.rows("select count(*) from parked_keys") == [(0,)]


class Refused(Exception):
    """A database that rejects this dead letter."""


@pytest.mark.parametrize("method", ["insert", "park"])
async def test_rejected_dead_letter_is_stored_stripped(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """Simulates an unknown limit of the database: for any content of a record, the partition
    continues.
    """
    refuse_keys(monkeypatch, method)
    ann, bob, eve = stage.user(), stage.user(), stage.user()
    broken = stage.topic.parts(eve.tells("Eve")[0])
    await stage.topic.publish(*ann.tells("Ann"))
    await stage.topic.publish_raw(**{**broken, "value": b"garbage"})
    await stage.topic.publish(*bob.tells("Bob"))

    before = REGISTRY.get_sample_value(STRIPPED, {"consumer": "club.members"}) or 0.0
    with capture_logs() as logs:
        async with stage.consuming(stage.club.members) as group:
            await eventually(lambda: stage.reached(3, consumers=1))
    assert await stage.names(ann, bob) == [["Ann"], ["Bob"]]
    kept = await stage.rows("select status, key, type, payload, error_class, headers ->> 'headers' from dead_letters")
    assert kept == [("dead", None, None, b"garbage", "UnstorableRecord", "[]")]
    assert await stage.parked() == []
    assert REGISTRY.get_sample_value(STRIPPED, {"consumer": group.name}) == before + 1
    (line,) = [this_line for this_line in logs if this_line["event"] == "dead_letter_stripped"]
    assert (line["log_level"], line["offset"]) == ("error", 1)


def refuse_keys(monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    store = PostgresParkedKeys if method == "park" else PostgresDeadLetters
    original = getattr(store, method)

    async def refusing(self: Any, *arguments: Any) -> None:
        if method == "park" or any(dead_letter.key for dead_letter in arguments[0]):
            raise DeadLetterNotStorable("an unknown limit")
        await original(self, *arguments)

    monkeypatch.setattr(store, method, refusing)


async def test_partition_whose_batch_fails_again_and_again_is_not_ready(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = True
    original = PostgresDeadLetters.insert

    async def insert(self: PostgresDeadLetters, dead_letters: Sequence[DeadLetter]) -> None:
        if closed or any(dead_letter.key is None for dead_letter in dead_letters):
            raise Refused
        await original(self, dead_letters)

    monkeypatch.setattr(PostgresDeadLetters, "insert", insert)
    await stage.topic.publish_raw(key=b"?", value=b"garbage")

    async with stage.consuming(stage.club.greetings, pauses=Backoff(first_seconds=0.01, max_seconds=0.05)) as group:

        async def not_ready() -> bool:
            try:
                await group.makes_progress()
            except PartitionStuck as stuck:
                return str(stuck).startswith(f"a batch of {stage.topic.club.topic}")
            return False

        await eventually(not_ready)
        closed = False
        await eventually(lambda: stage.reached(1, consumers=1))
        await group.makes_progress()
    ((key,),) = await stage.rows("select key from dead_letters")
    assert key == b"?"  # complete again once the database accepts it
