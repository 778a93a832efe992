"""The OpenAPI document of a service describes every request, response and error."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from infra.services import SERVICES
from tests.fixtures.web import api
from waypost.cli.services import service_named
from waypost.hosting.api import openapi_of
from waypost.testing.http import client_of
from waypost.web.openapi import Problem

Operation = dict[str, Any]


@pytest.fixture(params=sorted(SERVICES))
def operations(request: pytest.FixtureRequest) -> dict[str, Operation]:
    return dict(operations_of(openapi_of(service_named(request.param))))


def test_every_route_and_every_parameter_is_described(operations: dict[str, Operation]) -> None:
    silent = [name for name, each in operations.items() if not each.get("description")]
    for name, each in operations.items():
        others = (parameter for parameter in each.get("parameters", ()) if parameter["in"] != "path")
        silent += [f"{name}: {parameter['name']}" for parameter in others if not parameter.get("description")]
    assert silent == []


def test_reads_of_users_may_wait_and_their_writes_name_what_they_stored(operations: dict[str, Operation]) -> None:
    for name, each in operations.items():
        of_users = bool(each.get("security")) and "/ops/" not in name
        is_read = name.startswith("GET ")
        fields = [parameter["name"] for parameter in each.get("parameters", ()) if parameter["in"] == "header"]
        headers = {header for status, answer in each["responses"].items() for header in answer.get("headers", ())}
        waits = {"Prefer", "Write-Token"} <= set(fields) and {"Preference-Applied", "Write-Token-Status"} <= headers
        assert waits is (of_users and is_read), name
        assert ("Write-Token" in headers) is (of_users and not is_read), name
        assert len(fields) == len(set(fields)), name


def test_every_route_fails_with_a_problem(operations: dict[str, Operation]) -> None:
    for each in operations.values():
        assert list(each["responses"]["default"]["content"]) == ["application/problem+json"]
        assert "422" not in each["responses"]


def test_every_body_has_a_name(operations: dict[str, Operation]) -> None:
    for name, each in operations.items():
        for content in each.get("requestBody", {}).get("content", {}).values():
            assert "$ref" in content["schema"], name


async def test_a_problem_has_the_shape_that_is_promised() -> None:
    async with client_of(api()) as client:
        told = (await client.get("/nowhere")).json()
    assert Problem.model_validate(told).model_dump(by_alias=True, exclude={"errors"}) == told
    document = openapi_of(service_named("users"))
    assert set(document["components"]["schemas"]["Problem"]["required"]) == set(told)


def operations_of(document: Mapping[str, Any]) -> Iterator[tuple[str, Operation]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation
