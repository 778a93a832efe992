"""The operator routes under `/ops`, the same in every service. They require a token of `waypost
operators token`.
"""

from fastapi import APIRouter, Depends

from waypost.web.auth import known_operator
from waypost.web.ops import consumers, dead_letters, jobs, outbox

# The dependency applies to the parent router, so that no route can be added without it.
_operators_only = APIRouter(prefix="/ops", tags=["operators"], dependencies=[Depends(known_operator)])
for module in (consumers, dead_letters, jobs, outbox):
    _operators_only.include_router(module.router)

ROUTERS = [_operators_only]
