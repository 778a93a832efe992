"""`Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a repeated request has one effect
and one response.

@router.post("/invoices", status_code=201)
async def create_invoice(body: NewInvoice, caller: AdminCaller, execute: Executor) -> Response:
    command = CreateInvoice(...)
    location = f"/invoices/{command.invoice_id}"
    return await execute(command, lambda invoice: created(InvoiceView.of(invoice), location))
"""

import hashlib
from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import Depends, Header
from starlette.requests import Request
from starlette.responses import Response

from waypost.engine.bus import Bus, retry_on_conflict
from waypost.engine.failpoints import failpoint
from waypost.kernel.cause import current_cause
from waypost.kernel.command import Command
from waypost.kernel.errors import ConcurrencyConflict
from waypost.kernel.writes import current_writes
from waypost.ports.idempotency import IdempotencyKeys, KeyedRequest, KeyTaken, StoredResponse
from waypost.ports.unit_of_work import UnitOfWork
from waypost.web.request import WRITE_TOKEN

R = TypeVar("R")

BEFORE_BEGIN = failpoint("request.before_begin")
AFTER_COMMIT = failpoint("request.after_commit")

_STORED_HEADERS = ("content-type", "location", "etag", WRITE_TOKEN.lower())

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=8,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="A unique text chosen by the client, for example a UUID. Send the same key with each repetition of the request.",
    ),
]


class IdempotentExecutor:
    """Executes the command of one request. Called with the command and a function that renders its
    result.
    """

    def __init__(self, request: Request, key: str | None) -> None:
        self.key = key
        self._request = request
        self._bus: Bus = request.app.state.bus
        self._stored_responses: IdempotencyKeys = request.app.state.stored_responses

    async def __call__(self, command: Command[R], render: Callable[[R], Response]) -> Response:
        """Executes the command and stores the response in the same transaction, or returns the
        stored response. Without a key, executes every request.

        Raises RequestInProgress while the same request runs elsewhere, KeyReused for another body,
        and the errors of the command. Responses to refused requests are not stored, so the client
        can repeat them.
        """
        if self.key is None:
            return render(await self._bus.handle(command))
        keyed = await self._keyed(self.key)
        return await retry_on_conflict(
            lambda: self._attempt(keyed, command, render), on=(ConcurrencyConflict, KeyTaken)
        )

    async def _attempt(self, keyed: KeyedRequest, command: Command[R], render: Callable[[R], Response]) -> Response:
        BEFORE_BEGIN.hit()
        async with self._bus.begin(self._stored_responses.claim_precondition(keyed)) as uow:
            if not uow.preconditions_passed:
                await self._bus.authorize(uow)  # also for a stored response: the caller may have lost the rights
                stored = await self._stored_responses.claim(keyed, uow)
                if stored is not None:
                    return Response(stored.body, stored.status, dict(stored.headers) | {"Idempotent-Replayed": "true"})
            response = render(await self._bus.dispatch(command, uow))
            await _add_write_token(response, uow)
            at = self._request.app.state.clock.now()
            await self._stored_responses.keep(keyed, _stored_response(response), uow, at=at)
        AFTER_COMMIT.hit()
        return response

    async def _keyed(self, key: str) -> KeyedRequest:
        body = await self._request.body()
        route = f"{self._request.method} {self._request.scope['path']}"
        return KeyedRequest(route=route, key=key, body_hash=self._hash(body))

    def _hash(self, body: bytes) -> bytes:
        secret: bytes = self._request.app.state.idempotency_secret
        # Includes the user, so that no user receives the response to another user's request.
        actor = str(current_cause().actor_id).encode()
        return hashlib.blake2b(actor + b"\n" + body, key=secret, digest_size=32).digest()


async def _add_write_token(response: Response, uow: UnitOfWork) -> None:
    """The stored response names the writes, too: a client that lost the first one gets it here."""
    writes = current_writes()
    if writes is None or writes.tenant_id is None:
        return
    await uow.flush()  # the events get their ids; the end of the unit of work has nothing left to flush
    if (token := writes.token(uow.written)) is not None:
        response.headers[WRITE_TOKEN] = token


def _stored_response(response: Response) -> StoredResponse:
    headers = {name: response.headers[name] for name in _STORED_HEADERS if name in response.headers}
    return StoredResponse(status=response.status_code, headers=headers, body=bytes(response.body))


async def _executor(request: Request, key: IdempotencyKey = None) -> IdempotentExecutor:
    return IdempotentExecutor(request, key)


Executor = Annotated[IdempotentExecutor, Depends(_executor)]
