"""The queue before the process that draws documents: a bounded number of them waits."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

from services.billing.adapters.document_process import DocumentProcess
from services.billing.domain.document import InvoiceDocument
from waypost.kernel.errors import Unavailable

MAX_PER_TENANT = 2
"""Documents of one tenant that wait or are drawn: a tenant delays others by a few documents."""
MAX_WAITING = 8
"""Documents of all tenants that wait or are drawn."""
RETRY_AFTER = timedelta(seconds=2)


class TooManyDocuments(Unavailable):
    """Too many PDFs are being made."""

    def __init__(self) -> None:
        super().__init__("too many PDFs are being made at the moment; repeat the request later", RETRY_AFTER)


class QueuedDocuments:
    """Implements `services.billing.ports.InvoiceDocuments`. A call that is cancelled gives its
    place back at once, also while its document is drawn.
    """

    def __init__(self, process: DocumentProcess) -> None:
        self._process = process
        self._turn = asyncio.Lock()
        self._places: Counter[UUID] = Counter()

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator["QueuedDocuments"]:
        process = DocumentProcess()
        try:
            yield cls(process)
        finally:
            await process.stop()

    async def pdf(self, document: InvoiceDocument) -> bytes:
        """Raises TooManyDocuments, and as `DocumentProcess.draw`."""
        tenant_id = document.tenant_id
        if self._places[tenant_id] >= MAX_PER_TENANT or self._places.total() >= MAX_WAITING:
            raise TooManyDocuments
        self._places[tenant_id] += 1
        try:
            async with self._turn:
                return await self._process.draw(document)
        finally:
            self._places[tenant_id] -= 1
            self._places += Counter()  # removes tenants without a document
