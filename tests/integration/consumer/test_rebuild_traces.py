"""A rebuild has a separate trace, linked from the original ones; nothing is added to those."""

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.fixtures.club import Stage
from tests.integration.consumer.rebuilds import rebuilt
from tests.integration.consumer.test_traces import in_trace
from waypost.telemetry.names import ORIGINAL_TRACE, rebuild_span_name
from waypost.testing.eventually import eventually


async def test_a_rebuild_is_found_from_the_original_traces(stage: Stage, spans: InMemorySpanExporter) -> None:
    told = [in_trace(stage.user().tells("somebody")[0], sampled=number != 2) for number in range(3)]
    await stage.topic.publish(*(envelope for _, envelope in told))
    async with stage.consuming(stage.club.members):
        await eventually(lambda: stage.reached(3, consumers=1))
    spans.clear()

    await rebuilt(stage)

    made = spans.get_finished_spans()
    (whole,) = [opened for opened in made if opened.name == rebuild_span_name("club.members~new")]
    handled = [
        each_opened for each_opened in made if each_opened.attributes and ORIGINAL_TRACE in each_opened.attributes
    ]
    assert {span.attributes[ORIGINAL_TRACE] for span in handled if span.attributes} == {told[0][0], told[1][0]}
    assert {trace_of(this_opened) for this_opened in made if this_opened.name == f"process {stage.club.topic}"} == {
        trace_of(whole)
    }
    assert {f"{link.context.trace_id:032x}" for this_span in handled for link in this_span.links} == {
        told[0][0],
        told[1][0],
    }


def trace_of(span: ReadableSpan) -> str:
    assert span.context is not None
    return f"{span.context.trace_id:032x}"
