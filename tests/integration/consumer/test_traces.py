"""Every handled event's span is in the trace of the request that caused it (promise I9)."""

from dataclasses import replace
from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import REGISTRY

from tests.fixtures.club import Stage
from tests.fixtures.club.declaration import no_trouble
from tests.fixtures.operators import AUDIT
from waypost.engine.consumer.dead_letters.parked_key_queue import ParkedKeyOutcome
from waypost.kernel.cause import current_cause
from waypost.kernel.envelope import Envelope
from waypost.kernel.errors import Permanent
from waypost.kernel.ids import new_id
from waypost.ports.dead_letters import ParkedKey
from waypost.ports.unit_of_work import UnitOfWork
from waypost.telemetry import names
from waypost.testing.eventually import eventually


def in_trace(envelope: Envelope[Any], *, sampled: bool) -> tuple[str, Envelope[Any]]:
    """The event as caused by a request with a separate trace."""
    trace_id = new_id().hex
    traceparent = f"00-{trace_id}-{new_id().hex[-16:]}-{int(sampled):02}"
    return trace_id, envelope._replace(cause=envelope.cause._replace(traceparent=traceparent))


def traces(spans: InMemorySpanExporter, topic: str) -> set[str]:
    return {
        f"{span.context.trace_id:032x}"
        for span in spans.get_finished_spans()
        if span.name == f"process {topic}" and span.context
    }


async def test_sampled_events_leave_a_span_in_their_own_trace(stage: Stage, spans: InMemorySpanExporter) -> None:
    told = [in_trace(stage.user().tells("somebody")[0], sampled=number % 2 == 0) for number in range(6)]
    await stage.topic.publish(*(envelope for _, envelope in told))
    async with stage.consuming(stage.club.members), stage.consuming(stage.club.greetings):
        await eventually(lambda: stage.reached(6))
    sampled = {trace_id for trace_id, _ in told[::2]}
    unsampled = {trace_id for trace_id, _ in told[1::2]}
    found = traces(spans, stage.club.topic)
    assert found >= sampled
    assert not found & unsampled


@pytest.mark.parametrize("traceparent", [b"00-abc-def-01", b"00-" + b"0" * 32 + b"-" + b"1" * 16 + b"-01", b"", None])
async def test_an_event_whose_trace_is_not_valid_is_handled(stage: Stage, traceparent: bytes | None) -> None:
    ann = stage.user()
    parts = stage.topic.parts(ann.tells("Ann")[0])
    invalid_before = invalid_trace_contexts(stage.club.topic)
    await stage.topic.publish_raw(
        **{**parts, "headers": {**dict(parts["headers"]), "traceparent": traceparent}.items()}
    )
    async with stage.consuming(stage.club.members):
        await eventually(lambda: stage.reached(1, consumers=1))
    assert await stage.names(ann) == [["Ann"]]
    assert await stage.rows("select id from dead_letters") == []
    assert invalid_trace_contexts(stage.club.topic) == invalid_before + 1


def invalid_trace_contexts(topic: str) -> float:
    return REGISTRY.get_sample_value("waypost_consumer_invalid_trace_contexts_total", {"topic": topic}) or 0.0


async def test_a_failing_event_leaves_a_span_although_its_trace_is_not_sampled(
    stage: Stage, spans: InMemorySpanExporter
) -> None:
    def refuse(envelope: Envelope[Any]) -> None:
        raise Permanent("not today")

    trace_id, ann = in_trace(stage.user().tells("Ann")[0], sampled=False)
    stage.club.trouble = refuse
    await stage.topic.publish(ann)
    async with stage.consuming(stage.club.members), stage.consuming(stage.club.greetings):
        await eventually(lambda: stage.reached(1))
        stage.club.trouble = no_trouble
    failed = [
        span for span in spans.get_finished_spans() if span.context and span.context.trace_id == int(trace_id, 16)
    ]
    groups = {(span.attributes or {})[names.CONSUMER_GROUP] for span in failed}
    assert groups == {"club.members", "club.greetings"}
    assert {span.status.description for span in failed} == {"Permanent"}


async def test_effects_of_a_handler_descend_from_its_span(stage: Stage, spans: InMemorySpanExporter) -> None:
    causes = []

    class Watched:
        async def greet(self, told: Envelope[Any], uow: UnitOfWork) -> None:
            causes.append((told, uow.cause, current_cause()))

    greetings = stage.club.greetings
    watched = replace(greetings, handlers=dict.fromkeys(greetings.handlers, Watched().greet))
    (trace_id, ann), (_, bob) = (in_trace(stage.user().tells("x")[0], sampled=sampled) for sampled in (True, False))
    await stage.topic.publish(ann, bob)
    async with stage.consuming(watched):
        await eventually(lambda: stage.reached(2, consumers=1))

    (told, cause, bound), (told_unsampled, untouched, _) = causes
    (span,) = [this_span for this_span in spans.get_finished_spans() if this_span.name == f"process {stage.club.topic}"]
    assert span.context is not None
    assert cause.traceparent == f"00-{trace_id}-{span.context.span_id:016x}-01"
    assert (cause.correlation_id, cause.causation_id) == (told.cause.correlation_id, told.event_id)
    assert bound == cause
    assert untouched.traceparent == told_unsampled.cause.traceparent


async def test_a_redrive_is_found_from_the_original_trace(stage: Stage, spans: InMemorySpanExporter) -> None:
    def refuse(envelope: Envelope[Any]) -> None:
        raise Permanent("not today")

    trace_id, ann = in_trace(stage.user().tells("Ann")[0], sampled=True)
    stage.club.trouble = refuse
    await stage.topic.publish(ann)
    async with stage.consuming(stage.club.greetings) as group:
        await eventually(lambda: stage.reached(1, consumers=1))
        stage.club.trouble = no_trouble
        key = ParkedKey(stage.club.topic, str(ann.aggregate_id).encode())
        assert (await group.retries.attempt(key, AUDIT)).outcome is ParkedKeyOutcome.UNPARKED
    (redriven,) = [
        span for span in spans.get_finished_spans() if (span.attributes or {}).get(names.ORIGINAL_TRACE) == trace_id
    ]
    assert redriven.context is not None
    assert f"{redriven.context.trace_id:032x}" != trace_id
    assert [f"{link.context.trace_id:032x}" for link in redriven.links] == [trace_id]
