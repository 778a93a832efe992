"""`python -m waypost.native.postgres.tls_front PORT SERVER_PORT CERTIFICATE KEY`: TLS in front of a
native PostgreSQL server.

The server's wheel is built without OpenSSL (`SSL is not supported by this build`), so this process
does what `ssl = on` and `hostssl` do in production: it answers the SSLRequest, refuses clients that
do not send one, and forwards the bytes of the session unchanged. The certificate is read again for
each client.
"""

import asyncio
import contextlib
import ssl
import sys
from dataclasses import dataclass
from pathlib import Path

from waypost.native.ports import LOOPBACK

SSL_REQUEST = bytes.fromhex("0000000804d2162f")
"""Length 8 and code 80877103 (PostgreSQL's protocol, section SSL session encryption)."""
CHUNK_BYTES = 65536
HANDSHAKE_SECONDS = 10.0
CONNECT_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFront:
    """Accepts clients of one server on the loopback address."""

    server_port: int
    certificate: Path
    key: Path

    async def serve(self, port: int) -> None:
        """Runs until it is cancelled."""
        async with await asyncio.start_server(self._accept, LOOPBACK, port) as server:
            await server.serve_forever()

    async def _accept(self, client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                encrypted = await self._encrypt(client, answers)
            if encrypted:
                await self._forward(client, answers)
        answers.close()
        with contextlib.suppress(OSError):
            await answers.wait_closed()

    async def _encrypt(self, client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> bool:
        if await client.readexactly(len(SSL_REQUEST)) != SSL_REQUEST:
            answers.write(refusal("28000", "no encryption: this server accepts connections with TLS alone"))
            await answers.drain()
            return False
        answers.write(b"S")
        await answers.drain()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate, self.key)
        await answers.start_tls(context)
        return True

    async def _forward(self, client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        """Until one side ends. Then the other side is closed too."""
        async with asyncio.timeout(CONNECT_SECONDS):
            server, requests = await asyncio.open_connection(LOOPBACK, self.server_port)
        copies = [asyncio.create_task(_copy(client, requests)), asyncio.create_task(_copy(server, answers))]
        try:
            await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for copy in copies:
                copy.cancel()
            await asyncio.gather(*copies, return_exceptions=True)
            requests.close()


def refusal(sqlstate: str, text: str) -> bytes:
    """The ErrorResponse of a session that is not opened."""
    fields = {"S": "FATAL", "V": "FATAL", "C": sqlstate, "M": text}
    body = b"".join(f"{code}{value}".encode() + b"\0" for code, value in fields.items()) + b"\0"
    return b"E" + (len(body) + 4).to_bytes(4, "big") + body


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await source.read(CHUNK_BYTES):
            target.write(chunk)
            await target.drain()


def main() -> None:
    port, server_port, certificate, key = sys.argv[1:]
    front = TlsFront(server_port=int(server_port), certificate=Path(certificate), key=Path(key))
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(front.serve(int(port)))


if __name__ == "__main__":
    main()
