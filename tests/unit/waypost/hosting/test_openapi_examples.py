"""Every body of the three OpenAPI documents has an example that its schema and its model accept."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from jsonschema import Draft202012Validator

from infra.services import SERVICES
from waypost.cli.services import service_named
from waypost.hosting.api import documented
from waypost.web.examples import Examples, NoExample, add_examples

PAGES = {"text/html"}


@pytest.fixture(scope="module", params=sorted(SERVICES))
def app(request: pytest.FixtureRequest) -> FastAPI:
    return documented(service_named(request.param))


def bodies(document: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            answers = operation["responses"].items()
            for part, body in (("request", operation.get("requestBody", {})), *answers):
                for media, content in body.get("content", {}).items():
                    yield f"{method.upper()} {path} {part} {media}", content


def test_every_body_has_an_example_that_fits_its_schema(app: FastAPI) -> None:
    document = app.openapi()
    checked = 0
    for name, content in bodies(document):
        if name.rpartition(" ")[2] in PAGES:
            continue
        assert "example" in content, f"{name}: {missing(content, document)}"
        schema = {**content.get("schema", {}), "components": document["components"]}
        validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
        assert [error.message for error in validator.iter_errors(content["example"])] == [], name
        checked += 1
    assert checked > 40


def test_the_service_accepts_every_example_of_a_request(app: FastAPI) -> None:
    document, accepted = app.openapi(), 0
    for route in iter_route_contexts(app.router.routes):
        if not isinstance(route.original_route, APIRoute) or not route.dependant.body_params:
            continue
        (field,) = route.dependant.body_params
        for method in route.methods or ():
            example = document["paths"][route.path][method.lower()]["requestBody"]["content"]["application/json"]
            _, errors = field.validate(example["example"], {}, loc=("body",))
            assert not errors, f"{method} {route.path}: {errors}"
            accepted += 1
    assert accepted > 5


def missing(content: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    try:
        return str(Examples(document["components"]["schemas"]).of(content["schema"]))
    except (NoExample, KeyError) as error:
        return str(error)


def test_an_example_of_a_service_precedes_and_a_schema_that_nothing_fits_gets_none() -> None:
    own = {"type": "object", "properties": {"name": {"type": "string", "examples": ["Own"]}}}
    odd = {"type": "string", "pattern": "^§§§$"}
    rust = {"type": "string", "pattern": r"^\p{L}+$"}  # valid for pydantic
    lost = {"$ref": "#/components/schemas/Lost"}
    node = {"type": "object", "required": ["next"], "properties": {"next": {"$ref": "#/components/schemas/Node"}}}
    media = {name: {"schema": schema} for name, schema in (("own", own), ("odd", odd), ("rust", rust), ("lost", lost))}
    document = {
        "components": {"schemas": {}},
        "paths": {
            "/": {name: {"requestBody": {"content": {"application/json": each}}} for name, each in media.items()}
        },
    }
    add_examples(document)
    assert media["own"] == {"schema": own, "example": {"name": "Own"}}
    assert [media[name] for name in ("odd", "rust", "lost")] == [{"schema": odd}, {"schema": rust}, {"schema": lost}]
    with pytest.raises(NoExample):
        Examples({"Node": node}).of(node)
    optional = {"type": "object", "properties": node["properties"]}
    assert Examples({"Node": optional}).of(optional)["next"]["next"]
