"""Looks host names up in threads of their own. A tenant's slow name server may hold such a thread
for half a minute; the threads of the event loop's executor serve mails too.
"""

import asyncio
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

THREADS = 16
"""More than the jobs that send at the same time, because a look-up outlives the job that gave up
waiting for it.
"""
SECONDS = 4.0


class NameLookup:
    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="webhook-names")

    async def addresses(self, host: str, port: int) -> Sequence[str]:
        """The addresses, in the order of preference (RFC 6724). Raises OSError, also after a limit
        of time.
        """
        loop = asyncio.get_running_loop()
        looked_up = loop.run_in_executor(self._threads, _look_up, host, port)
        try:
            async with asyncio.timeout(SECONDS):
                return await looked_up
        except UnicodeError as error:  # a label that the codec of the interpreter refuses
            raise OSError(f"{host} is no host name") from error
        except TimeoutError as error:
            raise OSError(f"{host} was not found in time") from error


def _look_up(host: str, port: int) -> Sequence[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
