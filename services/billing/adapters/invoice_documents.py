"""Draws documents in one thread beside the event loop, a bounded number at a time."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from services.billing.domain.document import InvoiceDocument
from waypost.kernel.errors import Unavailable

MAX_PER_TENANT = 3
"""Documents of one tenant that wait or are drawn: a tenant delays others by a few documents."""
MAX_WAITING = 30
RETRY_AFTER = timedelta(seconds=2)


class TooManyDocuments(Unavailable):
    """Too many PDFs are being made."""

    def __init__(self) -> None:
        super().__init__("too many PDFs are being made at the moment; repeat the request later", RETRY_AFTER)


class ThreadedDocuments:
    """Implements `services.billing.ports.InvoiceDocuments`. A request that ends early leaves its
    document in the queue, and its place is free when the document is drawn.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="documents")
        self._waiting: Counter[UUID] = Counter()

    @classmethod
    @contextmanager
    def open(cls) -> Iterator["ThreadedDocuments"]:
        documents = cls()
        try:
            yield documents
        finally:
            documents._thread.shutdown(wait=False, cancel_futures=True)

    async def pdf(self, document: InvoiceDocument) -> bytes:
        """Raises TooManyDocuments."""
        tenant_id = document.tenant_id
        if self._waiting[tenant_id] >= MAX_PER_TENANT or self._waiting.total() >= MAX_WAITING:
            raise TooManyDocuments
        self._waiting[tenant_id] += 1
        drawn = asyncio.get_running_loop().run_in_executor(self._thread, _draw, document)
        drawn.add_done_callback(lambda done: self._leave(tenant_id, done))
        return await asyncio.shield(drawn)

    def _leave(self, tenant_id: UUID, done: asyncio.Future[bytes]) -> None:
        if not done.cancelled():
            done.exception()  # a request that ended early does not read it
        self._waiting[tenant_id] -= 1
        self._waiting += Counter()  # removes tenants without a document


def _draw(document: InvoiceDocument) -> bytes:
    # Imported with the first document: other processes load neither the library nor the font.
    from services.billing.adapters.invoice_pdf import invoice_pdf

    return invoice_pdf(document)
