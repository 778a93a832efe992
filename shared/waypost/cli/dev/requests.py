"""A request that a service takes, made from its OpenAPI document."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from waypost.kernel.ids import new_id

TOOLKIT_PATHS = ("/ops", "/jobs")


@dataclass(frozen=True, slots=True)
class ExampleRequest:
    path: str
    body: Any


def example_request(document: Mapping[str, Any]) -> ExampleRequest | None:
    """The first POST of the service's own routes that needs no id; None without such a route."""
    for path, methods in document["paths"].items():
        if "post" in methods and "{" not in path and not path.startswith(TOOLKIT_PATHS):
            return ExampleRequest(path, _body(methods["post"], document))
    return None


def _body(operation: Mapping[str, Any], document: Mapping[str, Any]) -> Any:
    content = operation.get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema")
    return None if schema is None else _value(schema, document)


def _value(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Any:
    if "$ref" in schema:
        return _value(document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], document)
    for known in (schema.get("examples"), schema.get("enum"), [schema["default"]] if "default" in schema else None):
        if known:
            return known[0]
    match schema.get("type"), schema.get("format"):
        case "object", _:
            return {name: _value(schema["properties"][name], document) for name in schema.get("required", ())}
        case "array", _:
            return [_value(schema["items"], document)]
        case "integer" | "number", _:
            return schema.get("minimum", 1)
        case "boolean", _:
            return True
        case _, "uuid":
            return str(new_id())
        case _, "date-time":
            return datetime.now(UTC).isoformat()
        case _:
            return "a demonstration"
