"""What the payment provider tells by itself. The signature stands for a token, and names the tenant
by what was signed.
"""

from typing import Annotated

from fastapi import APIRouter, Header
from starlette.requests import Request
from starlette.responses import Response

from services.billing.api.context import Context
from services.billing.commands import RecordDecision
from waypost.kernel.tenant import bound_tenants

router = APIRouter(tags=["webhooks"])

Signature = Annotated[
    str, Header(alias="Waypost-Signature", description='`t=<Unix seconds>,v1=<hex HMAC-SHA256 of "t.body">`')
]


@router.post("/webhooks/payments", status_code=204)
async def hear_of_payment(request: Request, context: Context, signature: Signature = "") -> Response:
    """204 once it is written down, however often it is told; also where it tells nothing that
    concerns us, so that it is not told again.
    """
    notice = context.resources.notices.read(signature, await request.body(), context.now)
    if notice is not None:
        with bound_tenants([notice.tenant_id]):
            command = RecordDecision(attempt_id=notice.attempt_id, decision=notice.decision, at=context.now)
            await context.bus.handle(command)
    return Response(status_code=204)
