"""Connection failures to the payment provider: each error states what is known, and never contains
the card.
"""

import asyncio
import contextlib
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from services.billing.adapters.provider import HttpPayments
from services.billing.ports import CardOwner, OutcomeUnknown, ProviderUnavailable
from tests.integration.billing.orders import charge_order, refund_order
from waypost.kernel.errors import Transient
from waypost.kernel.ids import new_id
from waypost.native.ports import LOOPBACK, free_ports

CARD = "pm_card_4242424242424242"

Fault = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Ask = Callable[[HttpPayments], Awaitable[object]]


async def closes(requests: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await requests.readuntil(b"\r\n\r\n")


async def hangs(requests: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await requests.read()  # until the caller's time-out


async def stops_in_the_middle(requests: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
    await requests.readuntil(b"\r\n\r\n")
    answers.write(b'HTTP/1.1 201 Created\r\ncontent-length: 900\r\n\r\n{"id": "ch_1", ')


async def babbles(requests: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
    await requests.readuntil(b"\r\n\r\n")
    answers.write(b"SSH-2.0-OpenSSH_9.9\r\n")


async def sends_away(requests: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
    await requests.readuntil(b"\r\n\r\n")
    answers.write(b"HTTP/1.1 307 Temporary Redirect\r\nlocation: /v1/charges\r\ncontent-length: 0\r\n\r\n")


async def answers_slowly(requests: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
    """Without end, and each piece within the time limit of one read."""
    await requests.readuntil(b"\r\n\r\n")
    answers.write(b"HTTP/1.1 201 Created\r\n")
    with contextlib.suppress(ConnectionError):
        while not answers.is_closing():
            answers.write(b"x: 1\r\n")
            await answers.drain()
            await asyncio.sleep(0.05)


FAULTS = [closes, hangs, stops_in_the_middle, babbles, sends_away, answers_slowly]


@asynccontextmanager
async def way_to(fault: Fault) -> AsyncIterator[HttpPayments]:
    async def met(requests: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        await fault(requests, answers)
        answers.close()

    async with await asyncio.start_server(met, LOOPBACK) as server:
        port = server.sockets[0].getsockname()[1]
        async with HttpPayments.open(f"http://{LOOPBACK}:{port}", timeout_seconds=0.3) as payments:
            yield payments


@asynccontextmanager
async def no_way() -> AsyncIterator[HttpPayments]:
    async with HttpPayments.open(f"http://{LOOPBACK}:{free_ports(1)[0]}", timeout_seconds=0.3) as payments:
        yield payments


def orders() -> list[Ask]:
    charge, refund = charge_order(CARD), refund_order("ch_1", 1)
    return [lambda payments: payments.execute(charge), lambda payments: payments.execute(refund)]


def questions() -> list[Ask]:
    charge, refund = charge_order(CARD), refund_order("ch_1", 1)
    return [
        lambda payments: payments.find(charge),
        lambda payments: payments.find(refund),
        lambda payments: payments.attach(CARD, CardOwner(tenant_id=new_id(), customer_id=new_id())),
    ]


async def failure(payments: HttpPayments, ask: Ask) -> Transient:
    with pytest.raises(Transient) as raised:
        await ask(payments)
    assert CARD not in "".join(traceback.format_exception(raised.value))
    assert not any(holds_a_request(item) for item in chain(raised.value))
    return raised.value


def chain(error: BaseException) -> list[BaseException]:
    """The error with its causes and contexts."""
    linked = [item for item in (error.__cause__, error.__context__) if item is not None]
    return [error, *(inner for item in linked for inner in chain(item))]


def holds_a_request(error: BaseException) -> bool:
    """Errors of httpx hold the request, and errors of pydantic hold the input."""
    return not type(error).__module__.startswith("services.billing")


@pytest.mark.parametrize("fault", FAULTS)
async def test_an_unanswered_order_has_an_unknown_outcome(fault: Fault) -> None:
    async with way_to(fault) as payments:
        for order in orders():
            assert isinstance(await failure(payments, order), OutcomeUnknown)


@pytest.mark.parametrize("fault", FAULTS)
async def test_an_unanswered_look_up_is_unavailable(fault: Fault) -> None:
    async with way_to(fault) as payments:
        for question in questions():
            assert isinstance(await failure(payments, question), ProviderUnavailable)


async def test_an_unreachable_provider_is_unavailable() -> None:
    async with no_way() as payments:
        for ask in (*orders(), *questions()):
            assert isinstance(await failure(payments, ask), ProviderUnavailable)


async def test_a_card_is_hidden_in_an_orders_representation() -> None:
    assert CARD not in repr(charge_order(CARD))


async def test_spans_do_not_contain_the_card(spans: InMemorySpanExporter) -> None:
    """The SDK's own spans of HTTP calls contain the full URL."""
    HTTPXClientInstrumentor().instrument()
    try:
        async with no_way() as payments:
            for ask in (*orders(), *questions()):
                await failure(payments, ask)
    finally:
        HTTPXClientInstrumentor().uninstrument()
    exported = [span.to_json() for span in spans.get_finished_spans()]
    assert len(exported) == 4, "orders and look-ups are traced; the card's own look-up is not"
    assert not any(CARD in item for item in exported)
