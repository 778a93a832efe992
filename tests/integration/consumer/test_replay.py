"""A reactor receives its events again on an operator's command: only those, in order, and
audited.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.fixtures.club import Stage
from tests.fixtures.club.declaration import no_trouble
from tests.integration.consumer.replays import AUDIT, audited, consumed, found, replayed
from tests.integration.consumer.test_traces import in_trace
from waypost.kernel.envelope import Envelope
from waypost.ports.subscription import Partition
from waypost.ports.unit_of_work import UnitOfWork
from waypost.telemetry.names import ORIGINAL_TRACE
from waypost.testing.eventually import eventually

WHERE_IT_STANDS = """
select 'position', topic, partition::text, next_offset, starts from consumer_offsets
union all select 'guard', topic, aggregate_id::text, version, 0 from consumer_versions
union all select 'inbox', topic, event_id::text, kafka_offset, 0 from processed_messages
order by 1, 2, 3"""


async def test_dry_run_lists_events_and_delivers_none(stage: Stage) -> None:
    ann, bob = stage.user(), stage.user()
    told = ann.tells("Ann", "Anna")
    await stage.topic.publish(*told, told[0], *bob.tells("Bob"), ann.verifies())
    await consumed(stage, 5)
    await stage.topic.publish(*ann.tells("Annie"))  # not processed yet

    everything = await found(stage)
    assert [[event.sequence for event in key] for key in everything.keys] == [[1, 2], [1]]
    assert everything.read == {Partition(stage.club.topic, 0): (0, 5)}
    assert everything.not_handled_yet == 0
    (only,) = (await found(stage, types=frozenset({"user.created"}), tenant_id=ann.tenant_id)).messages
    assert only == told[0].event_id
    assert len((await found(stage, aggregate_id=ann.id)).messages) == 2
    assert len((await found(stage, since=told[1].occurred_at, until=told[1].occurred_at)).messages) == 0
    later = await found(stage, since=told[1].occurred_at)
    assert told[0].event_id not in later.messages
    assert told[1].event_id in later.messages
    assert await stage.greeted(ann, bob) == [[1, 2], [1]]


async def test_again_means_once_more_in_order_and_audited(stage: Stage) -> None:
    ann, bob = stage.user(), stage.user()
    told = ann.tells("Ann", "Anna", "Annie")
    await stage.topic.publish(told[0], *bob.tells("Bob"), told[1], told[0], told[2])
    await consumed(stage, 5)
    before = await stage.rows(WHERE_IT_STANDS)

    redelivered = await replayed(stage, aggregate_id=ann.id)

    assert (redelivered.delivered, redelivered.failures) == (3, [])
    assert await stage.greeted(ann, bob) == [[1, 2, 3, 1, 2, 3], [1]]
    assert await stage.rows(WHERE_IT_STANDS) == before
    assert await stage.parked() == []
    actions = await audited(stage)
    assert [action.subject for action in actions] == [str(envelope.event_id) for envelope in told]
    assert {
        (this_action.verb, this_action.operator, this_action.reason, this_action.tenant_id) for this_action in actions
    } == {("replay.again", AUDIT.operator, AUDIT.reason, ann.tenant_id)}


async def test_dead_letters_are_left_to_redrive(stage: Stage) -> None:
    ann = stage.user()

    def trouble(envelope: Envelope[Any]) -> None:
        if envelope.event.display_name == "never":
            raise RuntimeError

    stage.club.trouble = trouble
    await stage.topic.publish(*ann.tells("Ann", "never", "Anna"))
    await consumed(stage, 3)
    chosen = await found(stage)
    assert ([message.sequence for message in chosen.messages.values()], chosen.not_handled_yet) == ([1], 2)


async def test_a_failure_leaves_the_rest_of_its_key_and_no_other(stage: Stage) -> None:
    ann, bob = stage.user(), stage.user()
    told = ann.tells("Ann", "never", "Anna")
    await stage.topic.publish(*told, *bob.tells("Bob"))
    await consumed(stage, 4)

    def trouble(envelope: Envelope[Any]) -> None:
        if envelope.event.display_name == "never":
            raise RuntimeError("not this time")

    stage.club.trouble = trouble
    redelivered = await replayed(stage)

    (failure,) = redelivered.failures
    assert (redelivered.delivered, failure.message.event_id, failure.left) == (2, told[1].event_id, 1)
    assert await stage.greeted(ann, bob) == [[1, 2, 3, 1], [1, 1]]
    assert str(told[1].event_id) not in {action.subject for action in await audited(stage)}
    assert (await stage.parked(), await stage.dead_letters()) == ([], [])


async def test_replay_excludes_the_live_consumer_from_its_key(stage: Stage) -> None:
    ann, bob = stage.user(), stage.user()
    await stage.topic.publish(*ann.tells("Ann"), *bob.tells("Bob"))
    await consumed(stage, 2)
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def slowly(told: Envelope[Any], uow: UnitOfWork) -> None:
        begun.set()
        await may_end.wait()
        await stage.club.greet(told, uow)

    slow = replace(stage.club.greetings, handlers=dict.fromkeys(stage.club.greetings.handlers, slowly))
    again = asyncio.create_task(replayed(stage, slow, aggregate_id=ann.id))
    await begun.wait()
    async with stage.consuming(stage.club.greetings):
        await stage.topic.publish(*bob.tells("Rob"), *ann.tells("Anna"))

        async def the_live_one_waits() -> bool:
            waiting = (
                "select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like '%parked_keys%for share%'"
            )
            return bool(await stage.rows(waiting))

        await eventually(the_live_one_waits)
        assert await stage.greeted(ann, bob) == [[1], [1, 2]]
        may_end.set()
        await again
        await eventually(lambda: stage.reached(4, consumers=1))
    assert await stage.greeted(ann) == [[1, 1, 2]]


async def test_a_key_that_a_dead_replay_has_left_parked_flows_again(stage: Stage) -> None:
    ann = stage.user()
    await stage.topic.publish(*ann.tells("Ann"))
    await consumed(stage, 1)
    await stage.rows(
        "insert into parked_keys (consumer, topic, key) values ('club.greetings', :topic, :key) returning 1",
        topic=stage.club.topic,
        key=str(ann.id).encode(),
    )
    async with stage.consuming(stage.club.greetings):

        async def flows() -> bool:
            return await stage.parked() == []

        await eventually(flows)
        await stage.topic.publish(*ann.tells("Anna"))
        await eventually(lambda: stage.reached(2, consumers=1))
    assert await stage.greeted(ann) == [[1, 2]]


async def test_replay_has_separate_traces_linked_to_the_original(stage: Stage, spans: InMemorySpanExporter) -> None:
    trace_id, told = in_trace(stage.user().tells("somebody")[0], sampled=True)
    await stage.topic.publish(told)
    await consumed(stage, 1)
    spans.clear()
    await replayed(stage)
    (span,) = [this_span for this_span in spans.get_finished_spans() if this_span.name == f"process {stage.club.topic}"]
    assert span.attributes is not None
    assert span.context is not None
    assert span.attributes[ORIGINAL_TRACE] == trace_id != f"{span.context.trace_id:032x}"
    assert [f"{link.context.trace_id:032x}" for link in span.links] == [trace_id]


async def test_new_consumer_skips_events_older_than_its_handler(stage: Stage) -> None:
    ann = stage.user()
    long_ago: Callable[[Envelope[Any]], Envelope[Any]] = lambda told: told._replace(  # noqa: E731 - short and local
        occurred_at=told.occurred_at - timedelta(days=30)
    )
    first, second, third = ann.tells("Ann", "Anna", "Annie")
    await stage.topic.publish(long_ago(first), long_ago(second), third)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    greetings = replace(stage.club.greetings, since={stage.club.created: yesterday, stage.club.updated: yesterday})
    stage.club.trouble = no_trouble
    async with stage.consuming(greetings):
        await eventually(lambda: stage.reached(3, consumers=1))
    assert await stage.greeted(ann) == [[3]]
    assert await stage.rows("select version from consumer_versions") == [(3,)]
    assert await stage.dead_letters() == []
