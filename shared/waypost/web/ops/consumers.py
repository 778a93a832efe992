"""`GET /ops/consumers`"""

from fastapi import APIRouter

from waypost.operations.consumers import consumer_lag
from waypost.ports.consumers import declaration_of
from waypost.web.operator_views.consumers import ConsumersView, ConsumerView
from waypost.web.ops.edge import CurrentAdminService

router = APIRouter(prefix="/consumers")


@router.get("")
async def list_consumers(admin_service: CurrentAdminService) -> ConsumersView:
    """Shows the lag of each consumer in records and in time, its parked keys and dead letters."""
    service = admin_service
    declared = [declaration_of(service.name, consumer) for consumer in service.consumers]
    lags = await consumer_lag(declared, service.ops, service.kafka_bootstrap)
    return ConsumersView(data=[ConsumerView.model_validate(lag) for lag in lags])
