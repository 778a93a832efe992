"""Connections to Kafka that do not wait long for answers that a broker gives at once.

aiokafka has one time limit for all requests of a client: 40 s, because a broker delays its answer
to a join until the group is complete. A frozen broker accepts connections and answers nothing, so
that a client waited that long to open a connection, to ask it for metadata or to notice that it
coordinates nothing any more, although the other brokers had already elected new leaders.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any

from aiokafka import conn
from aiokafka.protocol.admin import ApiVersionRequest, SaslAuthenticateRequest, SaslHandShakeRequest
from aiokafka.protocol.commit import OffsetFetchRequest
from aiokafka.protocol.coordination import FindCoordinatorRequest
from aiokafka.protocol.group import HeartbeatRequest, LeaveGroupRequest
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.protocol.offset import OffsetRequest

from waypost.kafka.metadata_request import TopicMetadataRequest

ANSWER_SECONDS = 3.5
"""Longer than a fetch, behind which a request may wait on its connection, and shorter than the time
that `waypost.kafka.consumer` grants for an answer: the rest is for another broker.
"""

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
    """aiokafka's connection, which reads `_request_timeout` (seconds) for its TCP
    connection, for its authentication, and in `send` for the answer.
    """

    def __init__(self, *args: Any, request_timeout_ms: int, **kwargs: Any) -> None:
        super().__init__(*args, request_timeout_ms=request_timeout_ms, **kwargs)
        self._configured_seconds = request_timeout_ms / 1000
        self._request_timeout = self._prompt_seconds = min(self._configured_seconds, ANSWER_SECONDS)

    def send(self, request: Any, expect_response: bool = True) -> Awaitable[Any]:
        at_once = isinstance(request, _ANSWERED_AT_ONCE)
        self._request_timeout = self._prompt_seconds if at_once else self._configured_seconds
        answer: Awaitable[Any] = super().send(request, expect_response)
        return self._or_closed(answer) if isinstance(request, MetadataRequest) else answer

    async def _or_closed(self, answer: Awaitable[Any]) -> Any:
        """A client that is cancelled while it asks its first broker for metadata does not close the
        connection, and does not keep it either.
        """
        try:
            return await answer
        except asyncio.CancelledError:
            self.close()
            raise
