"""One child process that draws documents: the API's process, its event loop and its memory stay
free.
"""

import asyncio
import hashlib
import os
import pickle
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import structlog

from services.billing.adapters.document_frames import LENGTH, RECEIVED, OutOfMemory, framed
from services.billing.domain.document import InvoiceDocument
from waypost.kernel.errors import Conflict, Unavailable

log = structlog.get_logger()

START_SECONDS = 60.0
"""For the start of the process with its imports, on a busy machine."""
DOCUMENT_SECONDS = 15.0
RETRY_AFTER = timedelta(seconds=5)
REFUSED_SECONDS = 600.0
"""For so long a document that ended its process is not tried again."""
MAX_REFUSED = 100
WORKER = (sys.executable, "-P", "-m", "services.billing.adapters.document_worker")
"""`-P`: no module is imported from the working directory."""


class DocumentFailed(Exception):
    """The document could not be drawn: a fault of this program."""


class DocumentTooSlow(Unavailable):
    """A PDF took too long; its process was killed."""

    def __init__(self) -> None:
        super().__init__(f"the PDF was not ready after {DOCUMENT_SECONDS:g} s; repeat the request later", RETRY_AFTER)


class DocumentProcessEnded(Unavailable):
    """The process that makes PDFs ended before it had received a document."""

    def __init__(self) -> None:
        super().__init__("the process that makes PDFs has ended; repeat the request", RETRY_AFTER)


class DocumentNotDrawn(Conflict):
    """A PDF cannot be made: drawing it ended its process, or needs too much memory."""

    def __init__(self) -> None:
        super().__init__(
            "the PDF of this invoice cannot be made; it is not tried again for ten minutes. The invoice itself is not"
            " affected: read it as JSON, and report its id to the operator"
        )


class DocumentProcess:
    """Starts with the first document, and again after its end. One document at a time: the caller
    holds a lock. A call that is cancelled, fails or takes too long kills the process, so that no
    answer is taken for that of another document.

    The process confirms each document that it has received. If it ends afterwards, the document is
    the likely reason: it is not tried again for a while, and the next document gets a new process.
    """

    def __init__(self, worker: Sequence[str] = WORKER) -> None:
        self._worker = worker
        self._process: Process | None = None
        self._refused: dict[bytes, float] = {}
        """By digest of the document: when it may be tried again, in seconds of the event loop."""

    async def draw(self, document: InvoiceDocument) -> bytes:
        """Raises DocumentTooSlow, DocumentNotDrawn, DocumentProcessEnded, DocumentFailed. An idle
        process may have been killed unnoticed, so that one end without a document is not an error.
        """
        digest = hashlib.sha256(frame := framed(document)).digest()
        if self._refused.get(digest, 0.0) > asyncio.get_running_loop().time():
            raise DocumentNotDrawn
        try:
            try:
                return await self._draw(document, frame)
            except DocumentProcessEnded:
                log.warning("document_process_ended")
                return await self._draw(document, frame)
        except DocumentNotDrawn:
            log.error("document_not_drawn", invoice_id=str(document.invoice_id), lines=len(document.lines))
            self._refuse(digest)
            raise

    def _refuse(self, digest: bytes) -> None:
        self._refused.pop(digest, None)
        if len(self._refused) >= MAX_REFUSED:
            del self._refused[next(iter(self._refused))]  # the oldest
        self._refused[digest] = asyncio.get_running_loop().time() + REFUSED_SECONDS

    async def stop(self) -> None:
        """Kills the process. A later document starts another one."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    async def _draw(self, document: InvoiceDocument, frame: bytes) -> bytes:
        was_received = False
        try:
            process = self._process or await self._start()
            async with asyncio.timeout(DOCUMENT_SECONDS):
                await _send(process, frame)
                was_received = True
                answer = await _read(process)
        except (EOFError, ConnectionError) as ended:  # asyncio.IncompleteReadError is an EOFError
            await self.stop()
            raise (DocumentNotDrawn if was_received else DocumentProcessEnded) from ended
        except TimeoutError as late:
            await self.stop()
            log.error("document_too_slow", invoice_id=str(document.invoice_id), lines=len(document.lines))
            raise DocumentTooSlow from late
        except BaseException:
            self._kill()
            raise
        if isinstance(answer, OutOfMemory):
            await self.stop()  # it may still hold the memory of this document
            raise DocumentNotDrawn
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


async def _send(process: Process, frame: bytes) -> None:
    """Returns when the process has received the document."""
    assert process.stdin is not None  # noqa: S101 - for the type checker: it is a pipe
    if process.stdin.is_closing():  # the process has ended; uvloop would raise RuntimeError for the write
        raise ConnectionResetError
    process.stdin.write(frame)
    await process.stdin.drain()
    if await _read(process) != RECEIVED:
        raise EOFError


async def _read(process: Process) -> Any:
    assert process.stdout is not None  # noqa: S101 - for the type checker: it is a pipe
    (length,) = LENGTH.unpack(await process.stdout.readexactly(LENGTH.size))
    return pickle.loads(await process.stdout.readexactly(length))  # noqa: S301 - of the child process
