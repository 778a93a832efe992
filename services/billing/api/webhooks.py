"""Webhooks of the payment provider. The signature authenticates the request, and the signed body
names the tenant.
"""

from typing import Annotated

from fastapi import APIRouter, Header
from starlette.requests import Request
from starlette.responses import Response

from services.billing.api.context import Context
from services.billing.api.provider_notices import record_notice
from waypost.web.limited import limited
from waypost.web.policies import public
from waypost.web.rate_limits import Rate, RateKey, RouteClass

router = APIRouter(tags=["webhooks"])

WEBHOOKS = RouteClass(
    name="webhooks",
    reason="keeps forged notices from using the whole service; the provider sends again",
    rates={RateKey.NETWORK: Rate(requests=6_000, seconds=60)},
)

Signature = Annotated[
    str, Header(alias="Waypost-Signature", description='`t=<Unix seconds>,v1=<hex HMAC-SHA256 of "t.body">`')
]


@router.post("/webhooks/payments", status_code=204, dependencies=[limited(WEBHOOKS)])
@public("the signature authenticates the provider")
async def receive_webhook(request: Request, context: Context, signature: Signature = "") -> Response:
    """Records a charge, a refund or a dispute. Responds 204 for repeated and for unrelated webhooks
    too, so that the provider does not resend them. A notice that fits no charge, or not its amount,
    is stored for the operators. A refund or dispute whose charge may still be recorded is answered
    with 503 for up to 20 hours, so that the provider sends it again.
    """
    notice = context.resources.webhook_reader.read(signature, await request.body(), context.now)
    if notice is not None:
        await record_notice(notice, context.bus, context.now)
    return Response(status_code=204)
