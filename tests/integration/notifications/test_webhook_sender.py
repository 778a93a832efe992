"""The sender of webhooks against receivers and name servers that misbehave."""

import asyncio
import ssl
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from services.notifications.adapters import name_lookup, webhook_sender
from services.notifications.adapters.name_lookup import NameLookup
from services.notifications.adapters.webhook_sender import HttpWebhookSender, Resolve
from services.notifications.domain.webhook_address import networks
from services.notifications.ports import WebhookAnswer, WebhookFailure
from waypost.kernel.errors import Unavailable
from waypost.native.certificates import CertificateAuthority
from waypost.native.ports import LOOPBACK, free_ports
from waypost.testing.eventually import eventually

OK = b"HTTP/1.1 204 No Content\r\n\r\n"


class Wire:
    """A server that answers each request with the same bytes, and keeps what it received."""

    def __init__(self, answer: bytes, *, then_drips: bool = False) -> None:
        self.port = 0
        self.requests: list[bytes] = []
        self.connections = 0
        self._answer = answer
        self._then_drips = then_drips

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.requests.append(head)
                await reader.readexactly(2)  # every body here is {}
                writer.write(self._answer)
                await writer.drain()
                while self._then_drips:  # until the client ends the connection: no read waits for long
                    await asyncio.sleep(0.02)
                    writer.write(b"x")
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def listening(
    answer: bytes = OK, *, tls: ssl.SSLContext | None = None, then_drips: bool = False
) -> AsyncIterator[Wire]:
    wire = Wire(answer, then_drips=then_drips)
    server = await asyncio.start_server(wire.serve, LOOPBACK, 0, ssl=tls)
    wire.port = server.sockets[0].getsockname()[1]
    try:
        yield wire
    finally:
        server.close()


async def sent(sender: HttpWebhookSender, url: str) -> WebhookAnswer:
    async with sender.connect(url) as connection:
        return await connection.send({"webhook-id": "1"}, b"{}")


def resolving(*addresses: str) -> Resolve:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return addresses

    return resolve


LOCAL = HttpWebhookSender(private_networks=True)


async def test_a_request_has_these_headers_and_no_others() -> None:
    async with listening() as wire:
        answer = await sent(LOCAL, f"http://{LOOPBACK}:{wire.port}/hooks?a=b%20c")
    assert answer == WebhookAnswer(status_code=204)
    [request] = wire.requests
    line, *headers = request.decode().strip().split("\r\n")
    assert line == "POST /hooks?a=b%20c HTTP/1.1"
    assert {header.partition(":")[0].lower() for header in headers} == {
        *("webhook-id", "host", "content-type", "content-length", "accept-encoding", "user-agent"),
    }
    assert f"host: {LOOPBACK}:{wire.port}" in [header.lower() for header in headers]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", WebhookAnswer(status_code=200)),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK, WebhookAnswer(status_code=204)),
        (
            b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1/\r\ncontent-length: 0\r\n\r\n",
            WebhookAnswer(failure=WebhookFailure.REDIRECT, status_code=302),
        ),
        (
            b"HTTP/1.1 503 Busy\r\nretry-after: 30\r\ncontent-length: 0\r\n\r\n",
            WebhookAnswer(failure=WebhookFailure.STATUS, status_code=503, retry_after=timedelta(seconds=30)),
        ),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n" + b"x" * 100_000, WebhookAnswer(status_code=200)),
        (
            b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nnope",
            WebhookAnswer(status_code=200),
        ),
        (b"220 mail.example.com ESMTP\r\n\r\n", WebhookAnswer(failure=WebhookFailure.NO_ANSWER)),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000, WebhookAnswer(failure=WebhookFailure.NO_ANSWER)),
    ],
)
async def test_the_status_alone_decides(answer: bytes, expected: WebhookAnswer) -> None:
    async with listening(answer) as wire:
        assert await sent(LOCAL, f"http://{LOOPBACK}:{wire.port}/") == expected
        assert len(wire.requests) == 1


async def test_an_answer_that_drips_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a whole, and its body: a limit of each read would never end it."""
    monkeypatch.setattr(webhook_sender, "WHOLE_SECONDS", 0.3)
    monkeypatch.setattr(webhook_sender, "BODY_SECONDS", 0.1)
    async with asyncio.timeout(10):
        async with listening(b"HTTP/1.1 200 OK\r\nx: ", then_drips=True) as wire:
            timeout = WebhookAnswer(failure=WebhookFailure.TIMEOUT)
            assert await sent(LOCAL, f"http://{LOOPBACK}:{wire.port}/") == timeout
        async with listening(b"HTTP/1.1 200 OK\r\ncontent-length: 4000\r\n\r\n", then_drips=True) as wire:
            assert await sent(LOCAL, f"http://{LOOPBACK}:{wire.port}/") == WebhookAnswer(status_code=200)


async def test_a_receiver_that_is_not_there_is_named() -> None:
    [port] = free_ports(1)
    assert (await sent(LOCAL, f"http://{LOOPBACK}:{port}/")).failure is WebhookFailure.NO_CONNECTION
    without_address = HttpWebhookSender(resolve=resolving())
    assert (await sent(without_address, "https://hooks.example.com/")).failure is WebhookFailure.NO_PUBLIC_ADDRESS


async def test_an_internal_address_behind_a_public_name_gets_no_connection() -> None:
    for addresses in ((LOOPBACK,), ("::ffff:127.0.0.1", "169.254.169.254"), ("fe80::1%eth0",)):
        sender = HttpWebhookSender(resolve=resolving(*addresses))
        assert (await sent(sender, "https://hooks.example.com/")).failure is WebhookFailure.NO_PUBLIC_ADDRESS
    own = HttpWebhookSender(resolve=resolving("93.184.215.14"), refused_networks=networks("93.184.215.0/24"))
    assert (await sent(own, "https://hooks.example.com/")).failure is WebhookFailure.NO_PUBLIC_ADDRESS
    strict = HttpWebhookSender(resolve=resolving("93.184.215.14"))
    assert (await sent(strict, f"http://{LOOPBACK}/")).failure is WebhookFailure.URL_REFUSED


async def test_the_checked_address_is_the_one_that_is_connected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name server that answers with another address the second time is not asked again, and a
    certificate for another host is refused.
    """
    monkeypatch.setenv("HTTPS_PROXY", f"http://{LOOPBACK}:1")
    authority = CertificateAuthority(tmp_path)
    issued = authority.certificate_of("receiver", hosts=("hooks.example.com",))
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(issued.certificate, issued.key)
    answers = [(LOOPBACK,), ("192.0.2.1",)]
    asked = 0

    async def rebinding(host: str, port: int) -> Sequence[str]:
        nonlocal asked
        asked += 1
        return answers[min(asked - 1, 1)]

    trusted = ssl.create_default_context(cafile=authority.certificate)
    sender = HttpWebhookSender(private_networks=True, resolve=rebinding, certificates=trusted)
    async with listening(tls=tls) as wire:
        async with sender.connect(f"https://hooks.example.com:{wire.port}/") as connection:
            for _ in range(2):
                assert (await connection.send({}, b"{}")).failure is None
        assert (asked, wire.connections, len(wire.requests)) == (1, 1, 2)
        assert b"\r\nhost: hooks.example.com" in wire.requests[0].lower()

        here = HttpWebhookSender(private_networks=True, resolve=resolving(LOOPBACK), certificates=trusted)
        other = await sent(here, f"https://other.example.com:{wire.port}/")
        assert other.failure is WebhookFailure.TLS


async def test_another_address_is_tried_if_the_first_one_refuses() -> None:
    for addresses in (("127.0.0.9", LOOPBACK), (LOOPBACK, "127.0.0.9")):
        sender = HttpWebhookSender(private_networks=True, resolve=resolving(*addresses))
        async with listening() as wire:
            assert (await sent(sender, f"http://receiver:{wire.port}/")).failure is None


async def test_a_look_up_counts_until_its_thread_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also after the caller gave up; and the thread of a failed one ends, too."""
    release = threading.Event()

    def look_up(*_: object) -> OSError:
        release.wait(20)
        return OSError("unknown")

    monkeypatch.setattr(name_lookup, "_look_up", look_up)
    monkeypatch.setattr(name_lookup, "SECONDS", 0.05)
    monkeypatch.setattr(name_lookup, "MAX_RUNNING", 2)
    names = NameLookup()
    for running in range(2):
        assert names._running == running
        names.require_free()
        with pytest.raises(OSError, match="not found in time"):
            await names.addresses("slow.example.com", 443)
    with pytest.raises(Unavailable):
        names.require_free()
    release.set()
    await eventually(lambda: names._running == 0)
    names.require_free()


async def test_a_host_name_that_no_name_server_accepts_is_unknown() -> None:
    for host in ("a" * 64, "xn--" + "a" * 70, "hooks..example.com"):
        with pytest.raises(OSError):
            await NameLookup().addresses(host, 443)
