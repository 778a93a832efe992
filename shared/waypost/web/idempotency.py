"""`Idempotency-Key`: a request that is sent twice has one effect and one answer.

@router.post("/invoices", status_code=201)
async def create_invoice(body: NewInvoice, caller: AdminCaller, once: Once) -> Response:
    command = CreateInvoice(...)
    return await once(command, lambda invoice: created(InvoiceView.of(invoice), f"/invoices/{invoice.id}"))
"""

import hashlib
from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import Depends, Header
from starlette.requests import Request
from starlette.responses import Response

from waypost.engine.bus import ATTEMPTS, Bus
from waypost.engine.failpoints import failpoint
from waypost.kernel.cause import current_cause
from waypost.kernel.command import Command
from waypost.kernel.errors import ConcurrencyConflict
from waypost.ports.idempotency import Answer, IdempotencyKeys, KeyedRequest, KeyTaken

R = TypeVar("R")

BEFORE_BEGIN = failpoint("request.before_begin")
AFTER_COMMIT = failpoint("request.after_commit")

_KEPT_HEADERS = ("content-type", "location", "etag")

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=8,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="Any text of your own, the same on every try of one request: a UUID is fine.",
    ),
]


class IdempotentExecutor:
    """One request, with its key where it brought one; called with the command and a way to show its
    result.
    """

    def __init__(self, request: Request, key: IdempotencyKey = None) -> None:
        self.key = key
        self._request = request
        self._bus: Bus = request.app.state.bus
        self._answers: IdempotencyKeys = request.app.state.answers

    async def __call__(self, command: Command[R], render: Callable[[R], Response]) -> Response:
        """Carries the command out and keeps the answer in the same transaction, or gives the kept
        one. Without a key every request is new.

        Raises TwinRunning while the same request runs elsewhere, KeyReused for another body, and
        what the command raises; only what was committed is kept, so that a refused request may be
        tried again.
        """
        if self.key is None:
            return render(await self._bus.handle(command))
        keyed = await self._keyed(self.key)
        for _ in range(ATTEMPTS - 1):
            try:
                return await self._attempt(keyed, command, render)
            except (ConcurrencyConflict, KeyTaken):
                continue
        return await self._attempt(keyed, command, render)

    async def _attempt(self, keyed: KeyedRequest, command: Command[R], render: Callable[[R], Response]) -> Response:
        BEFORE_BEGIN.hit()
        async with self._bus.units.begin() as uow:
            kept = await self._answers.claim(keyed, uow)
            if kept is not None:
                return Response(kept.body, kept.status, dict(kept.headers) | {"Idempotent-Replayed": "true"})
            response = render(await self._bus.execute(command, uow))
            at = self._request.app.state.clock.now()
            await self._answers.keep(keyed, _answer(response), uow, at=at)
        AFTER_COMMIT.hit()
        return response

    async def _keyed(self, key: str) -> KeyedRequest:
        body = await self._request.body()
        route = f"{self._request.method} {self._request.url.path}"
        return KeyedRequest(route=route, key=key, body_hash=self._hash(body))

    def _hash(self, body: bytes) -> bytes:
        secret: bytes = self._request.app.state.idempotency_secret
        # Another user's request is another request: an answer is for whom it was given.
        actor = str(current_cause().actor_id).encode()
        return hashlib.blake2b(actor + b"\n" + body, key=secret, digest_size=32).digest()


def _answer(response: Response) -> Answer:
    headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    return Answer(status=response.status_code, headers=headers, body=bytes(response.body))


Executor = Annotated[IdempotentExecutor, Depends()]
