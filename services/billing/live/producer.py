"""Traced sends that wait for the acknowledgement."""

from faust.types import TopicT

from waypost.kernel.cloudevents import Headers, with_trace
from waypost.kernel.header_forms import ID
from waypost.project import from_cluster
from waypost.telemetry.messaging import end_send, headers_sampled, start_send
from waypost.telemetry.span_limit import grant_spans
from waypost.telemetry.tracing import current_trace


async def send(topic: TopicT, key: bytes, value: bytes, headers: Headers, partition: int | None = None) -> None:
    """Returns when all in-sync replicas have the record. Raises the producer's error; the record
    may still be in the log.

    The current span's context, if there is one, replaces the one in the headers. If the result is
    sampled, a send span is created, and the record carries its context. Otherwise these headers are
    forwarded.
    """
    if (current := current_trace()) is not None:
        headers = with_trace(headers, current.traceparent, current.tracestate)
    if not headers_sampled(headers) or not grant_spans():
        await _sent(topic, key, value, headers, partition)
        return
    message_id = next((value.decode() for name, value in headers if name == ID), "")
    span, onward = start_send(from_cluster(topic.get_topic_name()), key, headers, message_id=message_id)
    failure: str | None = "CancelledError"
    try:
        partition = await _sent(topic, key, value, onward, partition)
        failure = None
    except Exception as error:
        failure = type(error).__name__
        raise
    finally:
        end_send(span, partition=partition, failure=failure)


async def _sent(topic: TopicT, key: bytes, value: bytes, headers: Headers, partition: int | None) -> int:
    sending = await topic.send(key=key, value=value, headers=list(headers), partition=partition)
    return int((await sending).partition)
