"""Looks host names up in threads of their own. A tenant's slow name server may hold such a thread
for half a minute; the threads of the event loop's executor serve mails too.
"""

import asyncio
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

from waypost.kernel.errors import Unavailable

MAX_RUNNING = 64
"""Look-ups at the same time, beyond which no job begins. Far more than the jobs that send, because
a look-up outlives the job that gave up waiting for it: three jobs begin one every four seconds, and
a name server that does not answer holds it for up to a minute.
"""
SECONDS = 4.0

Addresses = Sequence[str]


class NameLookup:
    def __init__(self) -> None:
        self._running = 0

    def require_free(self) -> None:
        """Raises Unavailable while too many look-ups run. A job asks before it claims, so that the
        limit does not count against the endpoint.
        """
        if self._running >= MAX_RUNNING:
            raise Unavailable(
                f"{MAX_RUNNING} look-ups of host names wait for name servers: webhooks wait until some have ended",
                retry_after=timedelta(seconds=SECONDS),
            )

    async def addresses(self, host: str, port: int) -> Addresses:
        """The addresses, in the order of preference (RFC 6724). Raises OSError, also after a limit
        of time.
        """
        loop = asyncio.get_running_loop()
        found: asyncio.Future[Addresses | OSError] = loop.create_future()
        # A daemon thread: it must not delay the end of the process. Its start may fail.
        threading.Thread(target=self._run, args=(host, port, loop, found), name="webhook names", daemon=True).start()
        self._running += 1
        try:
            async with asyncio.timeout(SECONDS):
                result = await found
        except TimeoutError as error:
            raise OSError(f"{host} was not found in time") from error
        if isinstance(result, OSError):
            raise result
        return result

    def _run(
        self, host: str, port: int, loop: asyncio.AbstractEventLoop, found: asyncio.Future[Addresses | OSError]
    ) -> None:
        result = _look_up(host, port)
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(self._end, found, result)

    def _end(self, found: asyncio.Future[Addresses | OSError], result: Addresses | OSError) -> None:
        self._running -= 1
        if not found.done():
            found.set_result(result)


def _look_up(host: str, port: int) -> Addresses | OSError:
    try:
        listed = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        return error
    except UnicodeError:  # a label that the codec of the interpreter refuses
        return OSError(f"{host} is not a host name")
    return list(dict.fromkeys(str(address[0]) for *_, address in listed))
