"""Limits of the routes of webhooks. A tenant needs few changes, and each adds a row and a job."""

from typing import Annotated

from waypost.web.limited import Admission, limited
from waypost.web.rate_limits import Rate, RateKey, RouteClass

CHANGES = RouteClass(
    name="webhook-changes",
    reason="keeps one tenant from filling the history of webhook endpoints",
    rates={RateKey.TENANT: Rate(requests=120, seconds=3600)},
)
REDELIVERIES = RouteClass(
    name="webhook-redeliveries",
    reason="keeps one tenant from using the whole queue of webhooks; redeliver all failed ones with one request",
    rates={RateKey.TENANT: Rate(requests=300, seconds=60)},
)

Changing = Annotated[Admission, limited(CHANGES)]
Redelivering = Annotated[Admission, limited(REDELIVERIES)]
