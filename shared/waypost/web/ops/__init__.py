"""The operator routes, the same in every service: `/ops/…`, for whoever holds a token of `waypost
operators token`.
"""

from fastapi import APIRouter, Depends

from waypost.web.auth import known_operator
from waypost.web.ops import consumers, dead_letters, jobs, outbox

# The guard stands before all of them, so that no route can be added without it.
_operators_only = APIRouter(prefix="/ops", tags=["operators"], dependencies=[Depends(known_operator)])
for each in (consumers, dead_letters, jobs, outbox):
    _operators_only.include_router(each.router)

ROUTERS = [_operators_only]
