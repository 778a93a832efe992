"""Sends webhooks over HTTP. A tenant chose the URL: the request goes to an address that was
resolved and checked here, and everything that the receiver can stretch is bounded.

The client connects to the checked address itself, so that no second look-up can return another
one; the certificate is verified for the host of the URL. A connection belongs to one endpoint:
hosts that share an address do not share it. The client's transport is used alone: it knows no
redirects, cookies, proxies of the environment or decompression.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import cast

import httpx
from opentelemetry.instrumentation.utils import suppress_http_instrumentation

from services.notifications.adapters.name_lookup import NameLookup
from services.notifications.domain.webhook_address import Network, is_public
from services.notifications.domain.webhook_schedule import asked_pause
from services.notifications.domain.webhook_url import WebhookUrl, WebhookUrlRefused
from services.notifications.ports import WebhookAnswer, WebhookFailure
from waypost.web.certificates import trusted_certificates

WHOLE_SECONDS = 10.0
"""Limit of a request from the connect to the head of the answer."""
CONNECT_SECONDS = 4.0
BODY_SECONDS = 1.0
"""Limit for the rest of the answer, whose status has decided already."""
MAX_BODY_BYTES = 4_096
"""Bytes that are read of an answer's body. They are thrown away: a receiver's text may contain
personal data, which no erasure would find in a log.
"""
MAX_ADDRESSES = 3

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host. Raises OSError."""


class _Refused(Exception):
    """Becomes the answer of each request of the connection."""

    def __init__(self, failure: WebhookFailure) -> None:
        self.failure = failure
        super().__init__(failure.value)


class HttpWebhookSender:
    """Implements `services.notifications.ports.WebhookSender`."""

    def __init__(
        self,
        *,
        private_networks: bool = False,
        refused_networks: Sequence[Network] = (),
        resolve: Resolve | None = None,
        certificates: ssl.SSLContext | None = None,
    ) -> None:
        """`private_networks`: permits http and every address, for development."""
        self._private_networks = private_networks
        self._refused_networks = refused_networks
        self._lookup = NameLookup()
        self._resolve = resolve or self._lookup.addresses
        self._certificates = certificates

    def require_ready(self) -> None:
        self._lookup.require_free()

    @asynccontextmanager
    async def connect(self, url: str) -> AsyncIterator["HttpWebhookConnection"]:
        certificates = self._certificates or trusted_certificates()
        # Without retries: a retry would be a second request within one attempt.
        transport = httpx.AsyncHTTPTransport(verify=certificates, trust_env=False, http2=False, retries=0)
        async with transport:
            yield await self._connection(url, transport)

    async def _connection(self, text: str, transport: httpx.AsyncHTTPTransport) -> "HttpWebhookConnection":
        try:
            url = WebhookUrl.parse(text, private_networks=self._private_networks)
            return HttpWebhookConnection(url, await self._addresses(url), transport)
        except WebhookUrlRefused:  # the settings may have become stricter since the endpoint's creation
            return HttpWebhookConnection(None, (), transport, WebhookFailure.URL_REFUSED)
        except _Refused as refused:
            return HttpWebhookConnection(None, (), transport, refused.failure)

    async def _addresses(self, url: WebhookUrl) -> Sequence[str]:
        """The addresses of the host to which webhooks may be sent, at least one."""
        try:
            found = await self._resolve(url.host, url.port)
        except OSError:
            raise _Refused(WebhookFailure.NO_PUBLIC_ADDRESS) from None
        if not found:
            raise _Refused(WebhookFailure.NO_PUBLIC_ADDRESS)
        permitted = [each for each in found if self._private_networks or is_public(each, self._refused_networks)]
        if not permitted:
            raise _Refused(WebhookFailure.NO_PUBLIC_ADDRESS)
        return permitted[:MAX_ADDRESSES]


class HttpWebhookConnection:
    """Implements `services.notifications.ports.WebhookConnection`, at the checked addresses."""

    def __init__(
        self,
        url: WebhookUrl | None,
        addresses: Sequence[str],
        transport: httpx.AsyncHTTPTransport,
        failure: WebhookFailure | None = None,
    ) -> None:
        """`failure`: the answer of each request, if none can be sent; `url` is None then."""
        self._url = url
        self._addresses = addresses
        self._transport = transport
        self._failure = failure

    async def send(self, headers: Mapping[str, str], body: bytes) -> WebhookAnswer:
        if self._url is None:
            return WebhookAnswer(failure=self._failure)
        try:
            # The path may be a secret of the receiver, which a span would record, and the receiver
            # gets no trace context.
            with suppress_http_instrumentation():
                return await self._send(self._url, headers, body)
        except (httpx.TimeoutException, TimeoutError):
            return WebhookAnswer(failure=WebhookFailure.TIMEOUT)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            return WebhookAnswer(failure=_failure_of(error))

    async def _send(self, url: WebhookUrl, headers: Mapping[str, str], body: bytes) -> WebhookAnswer:
        async with asyncio.timeout(WHOLE_SECONDS):
            response = await self._head(url, headers, body)
        try:
            async with asyncio.timeout(BODY_SECONDS):
                await _read_some(response)
        except (httpx.HTTPError, TimeoutError):
            pass
        return _answer(response)

    async def _head(self, url: WebhookUrl, headers: Mapping[str, str], body: bytes) -> httpx.Response:
        """From the first address that accepts a connection."""
        for address in self._addresses[:-1]:
            try:
                return await self._send_to(address, url, headers, body)
            except (httpx.ConnectError, httpx.ConnectTimeout):  # nothing was sent
                continue
        return await self._send_to(self._addresses[-1], url, headers, body)

    async def _send_to(self, address: str, url: WebhookUrl, headers: Mapping[str, str], body: bytes) -> httpx.Response:
        request = httpx.Request(
            "POST",
            httpx.URL(scheme=url.scheme, host=address, port=url.port, raw_path=url.target.encode()),
            headers={
                **headers,
                "host": url.host_header,
                "content-type": "application/json",
                "accept-encoding": "identity",
                "user-agent": "Waypost-Webhooks/1",
            },
            content=body,
            extensions={"timeout": _TIMEOUTS, "sni_hostname": url.host},
        )
        return await self._transport.handle_async_request(request)


async def _read_some(response: httpx.Response) -> None:
    """Reads a short body whole, so that the connection can be used again, and closes the answer."""
    read = 0
    try:
        async for part in cast(httpx.AsyncByteStream, response.stream):
            read += len(part)
            if read > MAX_BODY_BYTES:
                return
    finally:
        await response.aclose()


def _answer(response: httpx.Response) -> WebhookAnswer:
    status = response.status_code
    if 200 <= status < 300:
        return WebhookAnswer(status_code=status)
    failure = WebhookFailure.REDIRECT if 300 <= status < 400 else WebhookFailure.STATUS
    return WebhookAnswer(failure=failure, status_code=status, retry_after=asked_pause(response.headers))


def _failure_of(error: BaseException) -> WebhookFailure:
    if _is_caused_by_tls(error):
        return WebhookFailure.TLS
    return WebhookFailure.NO_CONNECTION if isinstance(error, httpx.ConnectError) else WebhookFailure.NO_ANSWER


def _is_caused_by_tls(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False


_TIMEOUTS = {"connect": CONNECT_SECONDS, "read": WHOLE_SECONDS, "write": WHOLE_SECONDS, "pool": WHOLE_SECONDS}
