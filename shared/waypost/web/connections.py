"""Connections of the HTTP server with bounds: the size of a request's head, the time to its end and
to the end of its body, and the number of connections.

uvicorn bounds none of them. A client that sends an endless header would fill the memory, and one
that sends half a request would hold its connection without limit.
"""

import asyncio
import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from waypost.project import project
from waypost.web.security_headers import NO_REFERRER, NO_SNIFFING, NOT_STORED


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionBounds:
    head_bytes: int = 32 * 1024
    """Request line and all headers. RFC 9110, section 15.5.13 and RFC 6585, section 5."""
    headers: int = 100
    head_seconds: float = 10.0
    """From the opening of the connection, or the first byte of a later request, to the end of its
    head.
    """
    body_seconds: float = 60.0
    """From the end of the head to the end of the body."""
    connections: int = 2_000


DEFAULT_BOUNDS = ConnectionBounds()


class _HeadRefused(Exception):
    """Interrupts the parser: the rest of the head is not read."""


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with `ConnectionBounds`. Set the bounds in a subclass (`bounded_by`)."""

    bounds = DEFAULT_BOUNDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._refusal: tuple[int, str, str] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._head_open = False
        self._body_open = False
        self._head_bytes = 0
        """Bytes of the parsed parts of the head."""
        self._unparsed_bytes = 0
        """Bytes received since the head began, without its first chunk."""
        self._hosts = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.bounds.connections:
            self._refuse(
                503, "too-many-connections", "The server has too many open connections. Connect again later.", "1"
            )
        else:
            self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refusal is not None or self.transport.is_closing():
            return
        was_open = self._head_open
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._body_open and self._timer is None:
            self._timer = self.loop.call_later(self.bounds.body_seconds, self._body_is_late)
        if not self._head_open:
            if self._timer is None and (self.cycle is None or self.cycle.response_complete):
                # A line break after a response ends the keep-alive timer and begins no request.
                self._wait_for_head()
            return
        self._unparsed_bytes = self._unparsed_bytes + len(data) if was_open else 0
        if self._unparsed_bytes > self.bounds.head_bytes:
            self._refuse_head_size()
        elif self._timer is None:
            self._wait_for_head()

    # The parser's callbacks

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_open, self._head_bytes, self._hosts = True, 0, 0

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > self.bounds.head_bytes:
            self._refusal = (
                414,
                "uri-too-long",
                f"The URL is longer than {self.bounds.head_bytes} bytes. Send less in it.",
            )
            raise _HeadRefused
        self._head_bytes = len(self.url)

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._head_bytes += len(name) + len(value) + 4
        if len(self.headers) > self.bounds.headers or self._head_bytes > self.bounds.head_bytes:
            self._refusal = self._too_large
            raise _HeadRefused
        if self.headers[-1][0] == b"host":
            self._hosts += 1

    def on_headers_complete(self) -> None:
        self._head_open = False
        if self._hosts != 1 and (self._hosts or self.parser.get_http_version() != "1.0"):
            detail = "A request needs exactly one Host header (RFC 9112, section 3.2). Name the host of the URL in it."
            self._refusal = 400, "host-required", detail
            raise _HeadRefused
        self._stop_timer()
        self._body_open = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._body_open = False
        self._stop_timer()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """uvicorn calls it for every error of the parser, also for those of the callbacks above."""
        status, name, detail = self._refusal or (400, "malformed-request", "The request is not valid HTTP/1.1.")
        self._refuse(status, name, detail)

    # Bounds

    @property
    def _too_large(self) -> tuple[int, str, str]:
        bounds = self.bounds
        return (
            431,
            "headers-too-large",
            f"The headers are larger than {bounds.head_bytes} bytes or more than {bounds.headers}. Send fewer or shorter ones.",
        )

    def _refuse_head_size(self) -> None:
        self._refuse(*self._too_large)

    def _wait_for_head(self) -> None:
        self._timer = self.loop.call_later(self.bounds.head_seconds, self._head_is_late)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _head_is_late(self) -> None:
        self._timer = None
        if self._head_open:
            detail = (
                f"The head of the request did not arrive within {self.bounds.head_seconds:g} s. Send the request again."
            )
            self._refuse(408, "request-timeout", detail)
        else:  # an unused connection: RFC 9112, section 9.5
            self.transport.close()

    def _body_is_late(self) -> None:
        """Closes the connection; the route sees a client that has disconnected."""
        self._timer = None
        if self._body_open and not self.transport.is_closing():
            self.transport.abort()

    def _refuse(self, status: int, name: str, detail: str, retry_after: str | None = None) -> None:
        """Writes a problem (RFC 9457) without the application and closes the connection."""
        self._refusal = status, name, detail
        self._stop_timer()
        if self.transport.is_closing():
            return
        if self.cycle is not None and not self.cycle.response_complete:
            # A pipelined request: the client would take the refusal for the earlier one's response.
            self.transport.close()
            return
        title = HTTPStatus(status).phrase
        body = json.dumps({"type": project().problem_prefix + name, "title": title, "status": status, "detail": detail})
        headers = [
            *self.server_state.default_headers,
            (b"content-type", b"application/problem+json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
            NO_SNIFFING,
            NO_REFERRER,
            NOT_STORED,
            *([(b"retry-after", retry_after.encode())] if retry_after else []),
        ]
        head = [b"HTTP/1.1 %d %s\r\n" % (status, title.encode()), *(b"%s: %s\r\n" % header for header in headers)]
        self.transport.write(b"".join([*head, b"\r\n", body.encode()]))
        self.transport.close()


def bounded_by(bounds: ConnectionBounds) -> type[BoundedProtocol]:
    return type("BoundedProtocol", (BoundedProtocol,), {"bounds": bounds})
