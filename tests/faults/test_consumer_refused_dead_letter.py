"""Only a dead letter whose content the database refuses is stored without key and headers. After
any other refusal the record is retried as it is.
"""

import os
from typing import Any

import pytest
from prometheus_client import REGISTRY

from tests.fixtures.club import Stage
from waypost.engine.consumer.policy import ConsumerPolicy
from waypost.kernel.envelope import Envelope
from waypost.testing.database import connected
from waypost.testing.eventually import eventually

REFUSALS = ConsumerPolicy().drop_headers_after_errors + 3


async def test_a_key_beyond_a_limit_of_the_database_is_dropped(stage: Stage) -> None:
    async with connected(stage.database.owner) as owner:
        await owner.execute("create index unforeseen_limit on dead_letters (key)")
    await stage.topic.publish_raw(key=os.urandom(4000), value=b"garbage")
    async with stage.consuming(stage.club.members):
        await eventually(lambda: stage.reached(1, consumers=1))
    assert await stage.rows("select key, payload, error_class from dead_letters") == [
        (None, b"garbage", "UnstorableRecord")
    ]


def refusals(consumer: str) -> float:
    """How often the consumer could not store dead letters."""
    labels = {"consumer": consumer, "step": "store_dead_letters"}
    return REGISTRY.get_sample_value("waypost_consumer_failed_transactions_total", labels) or 0.0


@pytest.mark.parametrize(
    ("fault", "repair"),
    [
        ("revoke insert on parked_keys from club_app", "grant insert on parked_keys to club_app"),
        ("revoke insert on dead_letters from club_app", "grant insert on dead_letters to club_app"),
        ("alter table parked_keys add column note text not null", "alter table parked_keys drop column note"),
    ],
)
async def test_a_faulty_table_costs_no_event(stage: Stage, fault: str, repair: str) -> None:
    ann = stage.user()

    def fail_while_the_fault_lasts(envelope: Envelope[Any]) -> None:
        if not repaired:
            raise RuntimeError("a fault of the handler")

    repaired: list[str] = []
    stage.club.trouble = fail_while_the_fault_lasts
    async with connected(stage.database.owner) as owner:
        await owner.execute(fault)
        await stage.topic.publish(*ann.tells("Ann", "Anna"))
        async with stage.consuming(stage.club.greetings) as group:
            before = refusals(group.name)
            await eventually(lambda: refusals(group.name) - before > REFUSALS)
            assert await stage.dead_letters() == []
            await owner.execute(repair)
            repaired.append(repair)

            async def both_greeted() -> bool:
                return await stage.greeted(ann) == [[1, 2]]

            await eventually(both_greeted)
    assert await stage.rows("select count(*) from dead_letters where status in ('dead', 'waiting')") == [(0,)]
