"""The process that draws documents: a real one, and programs that do not answer."""

import asyncio
import os
import signal
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest
import uvloop

from services.billing.adapters import document_process, document_worker
from services.billing.adapters.document_frames import framed
from services.billing.adapters.document_process import (
    WORKER,
    DocumentFailed,
    DocumentNotDrawn,
    DocumentProcess,
    DocumentProcessEnded,
    DocumentTooSlow,
)
from services.billing.adapters.invoice_pdf import invoice_pdf
from tests.unit.billing.documents import document
from waypost.testing.eventually import eventually

READY = f"import sys, time; sys.stdout.buffer.write({framed(None)!r}); sys.stdout.flush();"


def program(text: str) -> DocumentProcess:
    """A worker that is ready, then runs `text`."""
    return DocumentProcess([sys.executable, "-S", "-c", READY + text])


def environment_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


async def test_documents_are_drawn_in_one_process_that_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAYPOST_APP_DSN", "postgresql://secret")
    process = DocumentProcess()
    try:
        assert await process.draw(document()) == invoice_pdf(document())
        first = process._process
        assert first is not None
        assert first.pid != os.getpid()
        assert os.getsid(first.pid) == first.pid, "a signal of the terminal reaches it"
        assert b"WAYPOST" not in environment_of(first.pid)
        with pytest.raises(DocumentFailed) as refused:
            await process.draw(document(due_at=None))
        assert "invoice_pdf.py" in str(refused.value)
        assert await process.draw(document(number=8)) == invoice_pdf(document(number=8))
        assert process._process is first
        first.kill()
        assert await process.draw(document()) == invoice_pdf(document())
        assert process._process is not first
    finally:
        await process.stop()


def test_an_idle_process_that_was_killed_is_replaced_on_the_event_loop_of_production() -> None:
    """uvloop closes the pipe when the process ends; a write to it raises RuntimeError."""

    async def scene() -> bytes:
        process = DocumentProcess()
        try:
            await process.draw(document())
            killed = process._process
            assert killed is not None
            assert killed.stdin is not None
            killed.kill()
            await eventually(killed.stdin.is_closing)
            return await process.draw(document())
        finally:
            await process.stop()

    assert uvloop.run(scene()) == invoice_pdf(document())


def test_the_text_of_a_failure_says_where_it_was_without_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> bytes:
        raise ValueError("Ada Lovelace")

    monkeypatch.setattr(document_worker, "invoice_pdf", fail)
    drawn = BytesIO()
    document_worker.serve(BytesIO(framed(document())), drawn)
    assert b"ValueError" in drawn.getvalue()
    assert b"in fail" in drawn.getvalue()
    assert b"Lovelace" not in drawn.getvalue().replace(b'ValueError("Ada Lovelace")', b"")


async def test_a_document_that_takes_too_long_ends_its_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_process, "DOCUMENT_SECONDS", 0.05)
    process = program("time.sleep(600)")
    with pytest.raises(DocumentTooSlow):
        await process.draw(document())
    assert process._process is None


async def test_a_process_that_ends_twice_without_a_document_is_an_error() -> None:
    with pytest.raises(DocumentProcessEnded):
        await program("sys.exit(1)").draw(document())


POISONED = document(number=13, buyer="poison")
KILL = "os.kill(os.getpid(), 9)"
HARMFUL = """
import os
from services.billing.adapters import document_worker

def draw(document):
    with open({tried!r}, "a") as tried:
        tried.write(f"{{document.number}} ")
    if document.number == 13:
        {harm}
    return b"drawn"

document_worker.invoice_pdf = draw
document_worker.main()
"""


@pytest.mark.parametrize("harm", [KILL, "bytearray(2**30)", "bytearray(300 * 2**20) + bytearray(300 * 2**20)"])
async def test_a_document_that_ends_its_process_is_tried_once(tmp_path: Path, harm: str) -> None:
    """The next document gets a new process."""
    tried = tmp_path / "tried"
    process = DocumentProcess([sys.executable, "-c", HARMFUL.format(harm=harm, tried=str(tried))])
    try:
        assert await process.draw(document()) == b"drawn"
        for _ in range(3):
            with pytest.raises(DocumentNotDrawn, match="cannot be made"):
                await process.draw(POISONED)
        assert await process.draw(document(number=8)) == b"drawn"
        assert tried.read_text() == "7 13 8 "
    finally:
        await process.stop()


async def test_a_cancelled_call_ends_its_process() -> None:
    process = program("time.sleep(600)")
    started = await process._start()
    drawing = asyncio.ensure_future(process.draw(document()))
    await asyncio.sleep(0)
    drawing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await drawing
    assert await started.wait() == -signal.SIGKILL
    assert process._process is None


def test_the_process_ends_with_a_parent_that_is_killed() -> None:
    """Its input stays open here, so that only the death of its parent ends it."""
    worker = " ".join(f"'{word}'" for word in WORKER)
    with subprocess.Popen(
        ["/bin/sh", "-c", f"exec 3<&0; {worker} $$ <&3 & wait"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.read(len(framed(None))) == framed(None)
        parent.kill()
        assert parent.stdout.read() == b""
