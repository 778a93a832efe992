"""Connections to a broker that end before the broker ends their session.

A broker with `connections.max.reauth.ms`, and every sign-in with a token that expires, limits a
session (KIP-368). The broker closes a connection that is used after that. aiokafka does not sign in
again (aio-libs/aiokafka#1080), so it would lose the requests that are in flight then. These
connections are closed earlier, when no request is in flight; the next request opens a new one,
which signs in with the present password or token.
"""

import weakref
from asyncio import TimerHandle
from collections.abc import Awaitable
from typing import Any

from aiokafka import conn
from aiokafka.conn import CloseReason
from aiokafka.errors import SaslAuthenticationFailed
from aiokafka.protocol.admin import SaslAuthenticateRequest

from waypost.kafka.prompt_connection import PromptConnection
from waypost.kafka.secret_files import SecretFile
from waypost.kernel.errors import Misconfigured

USED_SHARE = 0.8
"""Share of the session after which a connection is replaced."""


class ExpiringConnection(PromptConnection):
    """Replacement of aiokafka's connection."""

    _sasl_plain_password: SecretFile | str | None
    _lifetime_ms = 0
    """Length of the session, as the broker returned it; 0 means without a limit."""
    _expiry: TimerHandle | None = None
    _has_expired = False

    async def _do_sasl_handshake(self) -> None:
        try:
            if isinstance(self._sasl_plain_password, SecretFile):
                self._sasl_plain_password = self._sasl_plain_password.read()
            await super()._do_sasl_handshake()
        except Misconfigured as error:
            # aiokafka's background tasks survive errors of Kafka alone.
            raise SaslAuthenticationFailed(str(error)) from error
        if self._lifetime_ms > 0:
            seconds = self._lifetime_ms / 1000 * USED_SHARE
            self._expiry = self._loop.call_later(seconds, _expire, weakref.ref(self))

    def send(self, request: Any, expect_response: bool = True) -> Awaitable[Any]:
        answer: Awaitable[Any] = super().send(request, expect_response)
        return self._note_lifetime(answer) if isinstance(request, SaslAuthenticateRequest) else answer

    async def _note_lifetime(self, answer: Awaitable[Any]) -> Any:
        response = await answer
        if self._sasl_mechanism == "OAUTHBEARER" and response.sasl_auth_bytes:
            # A refused token is an answer without an error code (RFC 7628, section 3.2.2), which
            # aiokafka takes for a success.
            error = SaslAuthenticationFailed(response.sasl_auth_bytes.decode(errors="replace"))
            self.close(CloseReason.AUTH_FAILURE, error)
            raise error
        self._lifetime_ms = getattr(response, "session_lifetime_ms", 0)
        return response

    def _handle_frame(self, frame: bytes) -> None:
        super()._handle_frame(frame)
        if self._has_expired:
            self.close_if_idle()

    def close_if_idle(self) -> None:
        self._has_expired = True
        if not self._requests:
            self.close(CloseReason.IDLE_DROP)

    def close(self, reason: CloseReason | None = None, exc: BaseException | None = None) -> Any:
        if self._expiry is not None:
            self._expiry.cancel()
        return super().close(reason, exc)


def _expire(reference: "weakref.ref[ExpiringConnection]") -> None:
    connection = reference()
    if connection is not None and connection.connected():
        connection.close_if_idle()


def replace_connections() -> None:
    """All clients of aiokafka in this process open such connections, those of Faust too."""
    conn.AIOKafkaConnection = ExpiringConnection
