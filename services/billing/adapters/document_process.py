"""One child process that draws documents: the API's process and its event loop stay free."""

import asyncio
import os
import pickle
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import structlog

from services.billing.adapters.document_frames import LENGTH, framed
from services.billing.domain.document import InvoiceDocument
from waypost.kernel.errors import Unavailable

log = structlog.get_logger()

START_SECONDS = 60.0
"""For the start of the process with its imports, on a busy machine."""
DOCUMENT_SECONDS = 15.0
RETRY_AFTER = timedelta(seconds=5)
WORKER = (sys.executable, "-P", "-m", "services.billing.adapters.document_worker")
"""`-P`: no module is imported from the working directory."""


class DocumentFailed(Exception):
    """The document could not be drawn: a fault of this program."""


class DocumentTooSlow(Unavailable):
    """A PDF took too long; its process was killed."""

    def __init__(self) -> None:
        super().__init__(f"the PDF was not ready after {DOCUMENT_SECONDS:g} s; repeat the request later", RETRY_AFTER)


class DocumentProcessEnded(Unavailable):
    """The process that makes PDFs has ended twice with one document."""

    def __init__(self) -> None:
        super().__init__("the process that makes PDFs has ended; repeat the request", RETRY_AFTER)


class DocumentProcess:
    """Starts with the first document, and again after its end. One document at a time: the caller
    holds a lock. A call that is cancelled, fails or takes too long kills the process, so that no
    answer is taken for that of another document.
    """

    def __init__(self, worker: Sequence[str] = WORKER) -> None:
        self._worker = worker
        self._process: Process | None = None

    async def draw(self, document: InvoiceDocument) -> bytes:
        """Raises DocumentTooSlow, DocumentProcessEnded, DocumentFailed. An idle process may have
        been killed unnoticed, so that one end is not an error.
        """
        try:
            return await self._draw(document)
        except DocumentProcessEnded:
            log.warning("document_process_ended")
            return await self._draw(document)

    async def stop(self) -> None:
        """Kills the process. A later document starts another one."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    async def _draw(self, document: InvoiceDocument) -> bytes:
        try:
            process = self._process or await self._start()
            async with asyncio.timeout(DOCUMENT_SECONDS):
                answer = await _answer(process, document)
        except (EOFError, ConnectionError) as ended:  # asyncio.IncompleteReadError is an EOFError
            await self.stop()
            raise DocumentProcessEnded from ended
        except TimeoutError as late:
            await self.stop()
            log.error("document_too_slow", invoice_id=str(document.invoice_id), lines=len(document.lines))
            raise DocumentTooSlow from late
        except BaseException:
            self._kill()
            raise
        if isinstance(answer, str):
            raise DocumentFailed(answer)
        drawn: bytes = answer
        return drawn

    def _kill(self) -> None:
        """For a cancelled call, which must not wait."""
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()

    async def _start(self) -> Process:
        # The thread of the event loop starts it, because the kernel watches this thread. It gets
        # none of the settings and secrets of this process, and no signal of the terminal.
        self._process = process = await asyncio.create_subprocess_exec(
            *self._worker,
            str(os.getpid()),
            stdin=PIPE,
            stdout=PIPE,
            env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            start_new_session=True,
        )
        async with asyncio.timeout(START_SECONDS):
            await _read(process)
        return process


async def _answer(process: Process, document: InvoiceDocument) -> Any:
    assert process.stdin is not None  # noqa: S101 - for the type checker: it is a pipe
    if process.stdin.is_closing():  # the process has ended; uvloop would raise RuntimeError for the write
        raise ConnectionResetError
    process.stdin.write(framed(document))
    await process.stdin.drain()
    return await _read(process)


async def _read(process: Process) -> Any:
    assert process.stdout is not None  # noqa: S101 - for the type checker: it is a pipe
    (length,) = LENGTH.unpack(await process.stdout.readexactly(LENGTH.size))
    return pickle.loads(await process.stdout.readexactly(length))  # noqa: S301 - of the child process
