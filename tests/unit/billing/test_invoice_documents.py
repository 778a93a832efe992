"""The queue of documents: its bounds, and calls that end early."""

import asyncio
from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest

from services.billing.adapters.document_process import DocumentProcess
from services.billing.adapters.invoice_documents import MAX_PER_TENANT, MAX_WAITING, QueuedDocuments, TooManyDocuments
from services.billing.domain.document import InvoiceDocument
from tests.unit.billing.documents import document


class Blocked(DocumentProcess):
    """Documents wait until `free` is set. A document without lines fails."""

    def __init__(self) -> None:
        super().__init__()
        self.free = asyncio.Event()
        self.drawing = 0

    async def draw(self, drawn: InvoiceDocument) -> bytes:
        self.drawing += 1
        assert self.drawing == 1, "one at a time"
        try:
            await self.free.wait()
        finally:
            self.drawing -= 1
        if not drawn.lines:
            raise ValueError("no lines")
        return drawn.tenant_id.bytes


def of(tenant_id: UUID) -> InvoiceDocument:
    return document(tenant_id=tenant_id)


async def waiting(documents: QueuedDocuments, tenants: Sequence[UUID]) -> Sequence[asyncio.Future[bytes]]:
    requests = [asyncio.ensure_future(documents.pdf(of(tenant))) for tenant in tenants]
    await asyncio.sleep(0)
    return requests


async def test_a_tenant_has_few_places_and_others_have_theirs() -> None:
    process, busy, other = Blocked(), uuid4(), uuid4()
    documents = QueuedDocuments(process)
    requests = await waiting(documents, [busy] * MAX_PER_TENANT)
    with pytest.raises(TooManyDocuments):
        await documents.pdf(of(busy))
    last = asyncio.ensure_future(documents.pdf(of(other)))
    process.free.set()
    assert await asyncio.gather(*requests, last) == [busy.bytes] * MAX_PER_TENANT + [other.bytes]
    assert await documents.pdf(of(busy)) == busy.bytes
    assert not documents._places


async def test_all_tenants_share_the_places() -> None:
    process = Blocked()
    documents = QueuedDocuments(process)
    requests = await waiting(documents, [uuid4() for _ in range(MAX_WAITING)])
    with pytest.raises(TooManyDocuments):
        await documents.pdf(of(uuid4()))
    process.free.set()
    await asyncio.gather(*requests)


async def test_a_cancelled_call_gives_its_place_back_waiting_or_drawn() -> None:
    process, tenant = Blocked(), uuid4()
    documents = QueuedDocuments(process)
    for ended in (0, -1):  # the one that is drawn, and the last one that waits
        requests = await waiting(documents, [tenant] * MAX_PER_TENANT)
        requests[ended].cancel()
        await asyncio.gather(requests[ended], return_exceptions=True)
        (again,) = await waiting(documents, [tenant])
        assert not again.done()
        process.free.set()
        await again
        process.free.clear()
    assert not documents._places


async def test_a_document_that_fails_frees_its_place() -> None:
    process, tenant = Blocked(), uuid4()
    documents = QueuedDocuments(process)
    process.free.set()
    for _ in range(MAX_PER_TENANT + 1):
        with pytest.raises(ValueError, match="no lines"):
            await documents.pdf(document(tenant_id=tenant, lines=()))
    assert await documents.pdf(of(tenant)) == tenant.bytes
