"""`/ops/outbox`"""

from fastapi import APIRouter, status

from waypost.operations.outbox.redrive import redrive
from waypost.operations.outbox.status import outbox_status
from waypost.web.auth import OperatorCaller
from waypost.web.models import Name
from waypost.web.operator_views.outbox import OutboxView
from waypost.web.ops.edge import CurrentAdminService, ReasonedRequest

router = APIRouter(prefix="/outbox")


class RedriveKeyRequest(ReasonedRequest):
    key: Name


@router.get("")
async def show_outbox(admin_service: CurrentAdminService) -> OutboxView:
    """Shows how many events wait to be published, for how long, and the quarantined keys."""
    return OutboxView.of(await outbox_status(admin_service.name, admin_service.ops))


@router.post("/redrive", status_code=status.HTTP_204_NO_CONTENT)
async def redrive_key(body: RedriveKeyRequest, operator: OperatorCaller, admin_service: CurrentAdminService) -> None:
    """Releases a key from quarantine, so that the relay publishes its rows again, in order."""
    await redrive(admin_service, body.key.encode(), body.audited_by(operator))
