"""Connections to Kafka that do not wait long for answers that a broker gives at once.

aiokafka has one time limit for all requests of a client: 40 s, because a broker delays its answer
to a join until the group is complete. A frozen broker accepts connections and answers nothing, so
that a client waited that long to open a connection, to ask it for metadata or to notice that it
coordinates nothing any more, although the other brokers had already elected new leaders.

A broker answers the requests of a connection in their order. On a slow link, an answer waits until
the records before it have arrived. So the short limit counts from the last byte that has arrived: a
connection with a running transfer is not silent, and its end would only begin the transfer again.
"""

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import Any

from aiokafka import conn
from aiokafka.conn import CloseReason
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.admin import ApiVersionRequest, SaslAuthenticateRequest, SaslHandShakeRequest
from aiokafka.protocol.commit import OffsetFetchRequest
from aiokafka.protocol.coordination import FindCoordinatorRequest
from aiokafka.protocol.group import HeartbeatRequest, LeaveGroupRequest
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.protocol.offset import OffsetRequest

from waypost.kafka.metadata_request import TopicMetadataRequest

MAX_SILENCE_SECONDS = 3.5
"""Longest silence. Longer than a fetch, behind which a request may wait on its connection, and
shorter than the time that `waypost.kafka.consumer` grants for an answer: the rest is for another
broker.
"""
CHECKS_PER_SILENCE = 4
"""A waiting request checks this often per MAX_SILENCE_SECONDS whether bytes arrived."""

_ANSWERED_AT_ONCE = (
    ApiVersionRequest,
    FindCoordinatorRequest,
    HeartbeatRequest,
    LeaveGroupRequest,
    MetadataRequest,
    OffsetFetchRequest,
    OffsetRequest,
    SaslAuthenticateRequest,
    SaslHandShakeRequest,
    TopicMetadataRequest,
)
"""Requests that a broker answers without waiting for records, replicas or members of a group."""


class PromptConnection(conn.AIOKafkaConnection):  # type: ignore[misc]  # aiokafka is not annotated
    """aiokafka's connection, which reads `_request_timeout` (seconds) for its TCP connection, for a
    SASL token, and in `send` for the answer.
    """

    def __init__(self, *args: Any, request_timeout_ms: int, **kwargs: Any) -> None:
        super().__init__(*args, request_timeout_ms=request_timeout_ms, **kwargs)
        self._configured_seconds = request_timeout_ms / 1000
        self._request_timeout = self._prompt_seconds = min(self._configured_seconds, MAX_SILENCE_SECONDS)

    def send(self, request: Any, expect_response: bool = True) -> Awaitable[Any]:
        self._request_timeout = self._configured_seconds
        try:
            with self._writing():
                answer: Awaitable[Any] = super().send(request, expect_response)
        finally:
            self._request_timeout = self._prompt_seconds
        if isinstance(request, _ANSWERED_AT_ONCE):
            answer = self._unless_silent(answer)
        return self._or_closed(answer) if isinstance(request, MetadataRequest) else answer

    def _send_sasl_token(self, payload: bytes, expect_response: bool = True) -> Awaitable[Any]:
        with self._writing():
            answer: Awaitable[Any] = super()._send_sasl_token(payload, expect_response)
        return answer

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """uvloop raises RuntimeError for a transport that is closed already. aiokafka expects an
        OSError or one of its own errors: another one ends the coordination of a consumer for good.
        """
        try:
            yield
        except RuntimeError as error:
            self.close(CloseReason.CONNECTION_BROKEN)
            raise KafkaConnectionError(f"Connection at {self._host}:{self._port} broken: {error}") from error

    async def _or_closed(self, answer: Awaitable[Any]) -> Any:
        """A client that is cancelled while it asks its first broker for metadata does not close the
        connection, and does not keep it either.
        """
        try:
            return await answer
        except asyncio.CancelledError:
            self.close()
            raise

    async def _unless_silent(self, answer: Awaitable[Any]) -> Any:
        """Raises TimeoutError when nothing has arrived for the short limit."""
        waiting, silent_checks, seen = asyncio.ensure_future(answer), 0, self._progress()
        try:
            while silent_checks < CHECKS_PER_SILENCE:
                await asyncio.wait([waiting], timeout=self._prompt_seconds / CHECKS_PER_SILENCE)
                if waiting.done():
                    return waiting.result()
                arrived = self._progress()
                silent_checks = silent_checks + 1 if arrived == seen else 0
                seen = arrived
            raise TimeoutError
        finally:
            waiting.cancel()

    def _progress(self) -> tuple[float, int]:
        """Changes with each answer, and with each part of one. After the end of the connection its
        requests fail by themselves.
        """
        return self._last_action, len(self._reader._buffer) if self._reader is not None else 0
