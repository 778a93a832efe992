"""Reports of the mail provider. The signature authenticates the request, and the return path of the
mail names the tenant.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Header
from starlette.requests import Request
from starlette.responses import Response

from services.notifications.commands import RecordBounce
from services.notifications.ports import ApiResources
from waypost.kernel.errors import NotFound
from waypost.kernel.tenant import bound_tenants
from waypost.web.limited import limited
from waypost.web.policies import public
from waypost.web.rate_limits import Rate, RateKey, RouteClass
from waypost.web.request import RequestContext, request_context

router = APIRouter(tags=["notifications"])

MAIL_REPORTS = RouteClass(
    name="mail-reports",
    reason="keeps forged reports from using the whole service; the provider sends again",
    rates={RateKey.NETWORK: Rate(requests=6_000, seconds=60)},
)

Context = Annotated[RequestContext[ApiResources], Depends(request_context)]

_ID = "Id of the report, the same for each attempt."
_TIMESTAMP = "Time of the attempt, in Unix seconds."
_SIGNATURE = '`v1,<base64 HMAC-SHA256 of "id.timestamp.body">` (Standard Webhooks); several with spaces between.'


@router.post("/mail-reports", status_code=204, dependencies=[limited(MAIL_REPORTS)])
@public("the signature authenticates the mail provider")
async def receive_report(
    request: Request,
    context: Context,
    webhook_id: Annotated[str, Header(description=_ID)] = "",
    webhook_timestamp: Annotated[str, Header(description=_TIMESTAMP)] = "",
    webhook_signature: Annotated[str, Header(description=_SIGNATURE)] = "",
) -> Response:
    """Records that a mail bounced (`mail.bounced`) or was unwanted (`mail.complained`). Responds
    204 for repeated and for unrelated reports too, so that the provider does not resend them. 404
    if this installation receives no reports.
    """
    reports = context.resources.reports
    if reports is None:
        raise NotFound("this installation receives no reports about mails: WAYPOST_BOUNCE_DOMAIN is not set")
    report = reports.read(request.headers, await request.body(), context.now)
    if report is not None:
        command = RecordBounce(
            notification_id=report.notification_id,
            address=report.address,
            kind=report.kind,
            code=report.code,
            at=context.now,
        )
        with bound_tenants([report.tenant_id]):
            await context.bus.handle(command)
    return Response(status_code=204)
