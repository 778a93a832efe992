"""The queue of documents: its bounds, and requests that end early."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID, uuid4

import pytest

from services.billing.adapters import invoice_documents
from services.billing.adapters.invoice_documents import MAX_PER_TENANT, ThreadedDocuments, TooManyDocuments
from services.billing.domain.document import InvoiceDocument
from tests.unit.billing.documents import document


@contextmanager
def blocked(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Documents wait until the event is set. A document without lines fails."""
    free = threading.Event()

    def draw(drawn: InvoiceDocument) -> bytes:
        assert free.wait(10)
        if not drawn.lines:
            raise ValueError("no lines")
        return drawn.tenant_id.bytes

    monkeypatch.setattr(invoice_documents, "_draw", draw)
    try:
        yield free
    finally:
        free.set()


def of(tenant_id: UUID) -> InvoiceDocument:
    return document(tenant_id=tenant_id)


async def test_a_tenant_has_few_places_and_others_have_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    busy, other = uuid4(), uuid4()
    with blocked(monkeypatch) as free, ThreadedDocuments.open() as documents:
        waiting = [asyncio.ensure_future(documents.pdf(of(busy))) for _ in range(MAX_PER_TENANT)]
        await asyncio.sleep(0)
        with pytest.raises(TooManyDocuments):
            await documents.pdf(of(busy))
        last = asyncio.ensure_future(documents.pdf(of(other)))
        free.set()
        assert await asyncio.gather(*waiting, last) == [busy.bytes] * MAX_PER_TENANT + [other.bytes]
        assert await documents.pdf(of(busy)) == busy.bytes


async def test_a_request_that_ends_early_keeps_its_place_until_its_document_is_drawn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tenant = uuid4()
    with blocked(monkeypatch) as free, ThreadedDocuments.open() as documents:
        waiting = [asyncio.ensure_future(documents.pdf(of(tenant))) for _ in range(MAX_PER_TENANT)]
        await asyncio.sleep(0)
        for request in waiting:
            request.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        with pytest.raises(TooManyDocuments):
            await documents.pdf(of(tenant))
        free.set()
        other = uuid4()
        assert await documents.pdf(of(other)) == other.bytes  # drawn after the others
        assert await documents.pdf(of(tenant)) == tenant.bytes


async def test_a_document_that_fails_frees_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    tenant = uuid4()
    with blocked(monkeypatch) as free, ThreadedDocuments.open() as documents:
        free.set()
        for _ in range(MAX_PER_TENANT + 1):
            with pytest.raises(ValueError, match="no lines"):
                await documents.pdf(document(tenant_id=tenant, lines=()))
        assert await documents.pdf(of(tenant)) == tenant.bytes
