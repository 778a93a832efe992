from uuid import UUID

import pytest
from fastapi import APIRouter
from starlette.responses import Response

from tests.fixtures.web import api
from waypost.kernel.aggregate import Aggregate
from waypost.kernel.ids import TenantId
from waypost.testing.http import client_of
from waypost.web.models import ResponseModel
from waypost.web.responses import ExpectedVersion, shown

routes = APIRouter()


class Thing(Aggregate):
    aggregate_type = "thing"


class ThingView(ResponseModel):
    version: int


@routes.put("/thing")
async def change(expected: ExpectedVersion) -> Response:
    thing = Thing(UUID(int=1), TenantId(UUID(int=2)))
    thing.version = 7
    thing.expect(expected)
    return shown(ThingView.model_validate(thing), version=thing.version)


@pytest.mark.parametrize(
    ("tag", "status"), [('"7"', 200), ("*", 200), ('"6"', 412), ('"8"', 412), ("7", 422), ('W/"7"', 422)]
)
async def test_a_change_of_what_was_not_seen_is_refused(tag: str, status: int) -> None:
    async with client_of(api(routes)) as client:
        answer = await client.put("/thing", headers={"If-Match": tag})
    assert answer.status_code == status


async def test_an_answer_has_its_version() -> None:
    async with client_of(api(routes)) as client:
        answer = await client.put("/thing")
        assert (await client.put("/thing", headers={"If-Match": answer.headers["etag"]})).status_code == 200
