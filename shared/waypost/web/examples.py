"""Adds an example to every JSON body of an OpenAPI document that has none.

A value comes from the first of: the field's own `examples`, its constant, its first enum member,
its default, a value of its name (`EXAMPLES` of the service, then NAMED), a value of its type. So a
field of a service needs `Field(examples=[…])` only where its name and type say too little. The
examples follow from the schemas alone: the same code gives the same document.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from fastapi.openapi.constants import REF_PREFIX

JSON = "application/json"
DEEPEST = 8
"""Levels of an example. A schema that refers to itself ends there."""

NAMED: Mapping[str, Any] = {
    "committed": 41,
    "consumer": "shipping.addresses",
    "detail": "The amounts differ.",
    "email": "ada@example.com",
    "end": 42,
    "error": "division by zero",
    "error_class": "ZeroDivisionError",
    "group": "shipping.addresses",
    "has_more": True,
    "idempotency_key": "send-receipt-17",
    "key": "01a21327-343b-78b8-828e-29818cbf217b",
    "lag": 1,
    "locale": "en",
    "location": "services/orders/handlers/orders.py:42",
    "name": "Example Ltd",
    "next_cursor": "WyIwMWEyMTMyNyJd",
    "partition": 3,
    "progress": 50,
    "reason": "requested by the customer",
    "sequence": 4,
    "service": "orders",
    "since": "2026-03-01T00:00:00Z",
    "token": "tok_4fQk2",
    "topic": "orders.order",
    "trace_id": "9f790493053432cba59892eac5352624",
    "traceback": "services/orders/handlers/orders.py:42 in charge",
    "type": "order.placed",
    "until": "2026-04-01T00:00:00Z",
    "version": 4,
    "worker": "worker-1",
}
"""Values of fields by their names, used where they fit the field's schema."""
OF_JOBS = {"name": "send_receipt", "error": "the mail server did not answer"}
"""Values of fields of the schemas whose names contain `Job`."""
OF_FORMATS = {
    "uuid": "01a21327-343b-78b8-828e-29818cbf217b",
    "date-time": "2026-03-31T09:30:00Z",
    "date": "2026-03-31",
    "email": "ada@example.com",
    "uri": "https://example.com/",
    "duration": "PT30S",
}


class NoExample(ValueError):
    """No known value fits the schema of a field."""


def add_examples(document: dict[str, Any], named: Mapping[str, object] = NAMED) -> None:
    """Changes an OpenAPI 3.1 document. A body gets none if no known value fits its schema, or if
    the schema has a pattern or a reference that Python cannot follow. `named` are values of fields
    by their names.
    """
    examples = Examples(document.get("components", {}).get("schemas", {}), named)
    for media in _json_bodies(document):
        if "example" not in media and "examples" not in media and media.get("schema"):
            with suppress(NoExample, LookupError, re.error):
                media["example"] = examples.of(media["schema"])


class Examples:
    """Examples of a document's schemas."""

    def __init__(self, schemas: Mapping[str, Any], named: Mapping[str, object] = NAMED) -> None:
        """`schemas` contains all schemas that another one refers to."""
        self._schemas = schemas
        self._named = named

    def of(self, schema: Mapping[str, Any], *, name: str = "", depth: int = 0) -> Any:
        """A value that is valid for the schema. `name` is the name of the field. Raises
        NoExample.
        """
        owner = ""
        while "$ref" in schema or len(schema.get("allOf", ())) == 1:
            owner = schema["$ref"].removeprefix(REF_PREFIX) if "$ref" in schema else owner
            schema = self._schemas[owner] if "$ref" in schema else schema["allOf"][0]
        if (known := next(_known(schema), None)) is not None:
            return known
        if options := schema.get("anyOf") or schema.get("oneOf"):
            chosen = next((option for option in options if option.get("type") != "null"), options[0])
            return self.of({**schema, "anyOf": None, "oneOf": None, **chosen}, name=name, depth=depth)
        match schema.get("type"):
            case "object":
                return self._object(schema, owner, depth)
            case "array":
                return self._array(schema, name, depth)
            case "string" | "integer" | "number" | "boolean":
                return self._scalar(schema, name)
            case _:  # any value
                return None

    def _object(self, schema: Mapping[str, Any], owner: str, depth: int) -> dict[str, Any]:
        properties: Mapping[str, Any] = schema.get("properties", {})
        values = schema.get("additionalProperties")
        if depth > 2 * DEEPEST:
            raise NoExample(f"{owner or 'a schema'} needs itself: give it an example")
        if depth >= DEEPEST:
            properties = {name: properties[name] for name in schema.get("required", ())}
            values = None
        made = {
            name: OF_JOBS[name]
            if "Job" in owner and name in OF_JOBS and _is_text(part)
            else self.of(part, name=name, depth=depth + 1)
            for name, part in properties.items()
        }
        if not properties and isinstance(values, Mapping):
            key = self.of(schema.get("propertyNames", {"type": "string"}), name="locale", depth=depth + 1)
            made[key] = self.of(values, depth=depth + 1)
        return made

    def _array(self, schema: Mapping[str, Any], name: str, depth: int) -> list[Any]:
        if "prefixItems" in schema:
            return [self.of(part, depth=depth + 1) for part in schema["prefixItems"]]
        if depth >= DEEPEST and not schema.get("minItems"):
            return []
        return [self.of(schema.get("items", {}), name=name.removesuffix("s"), depth=depth + 1)]

    def _scalar(self, schema: Mapping[str, Any], name: str) -> Any:
        kind = schema["type"]
        by_type = {"string": "text", "integer": 1, "number": 1.5, "boolean": False}[kind]
        smallest = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
        for value in (self._named.get(name), OF_FORMATS.get(schema.get("format", "")), by_type, smallest):
            if value is not None and _fits(value, schema):
                return value
        raise NoExample(f"no example of {name!r} fits {dict(schema)}: give the field one, Field(examples=[…])")


def _json_bodies(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for operations in document["paths"].values():
        for operation in operations.values():
            for body in (operation.get("requestBody", {}), *operation.get("responses", {}).values()):
                if JSON in body.get("content", {}):
                    yield body["content"][JSON]


def _known(schema: Mapping[str, Any]) -> Iterator[Any]:
    yield from schema.get("examples", ())
    if "example" in schema:
        yield schema["example"]
    if "const" in schema:
        yield schema["const"]
    yield from schema.get("enum", ())
    if schema.get("default") is not None:
        yield schema["default"]


def _is_text(schema: Mapping[str, Any]) -> bool:
    return any(option.get("type") == "string" for option in (schema, *schema.get("anyOf", ())))


def _fits(value: Any, schema: Mapping[str, Any]) -> bool:
    match schema["type"], value:
        case "boolean", bool():
            return True
        case _, bool():
            return False
        case "string", str():
            return _text_fits(value, schema)
        case ("integer", int()) | ("number", int() | float()):
            return _number_fits(value, schema)
        case _:
            return False


def _text_fits(text: str, schema: Mapping[str, Any]) -> bool:
    pattern, form = schema.get("pattern"), schema.get("format", "")
    return bool(
        schema.get("minLength", 0) <= len(text) <= schema.get("maxLength", len(text))
        and (pattern is None or re.search(pattern, text))
        and (form == "date-time" or OF_FORMATS.get(form, text) == text)
    )


def _number_fits(number: float, schema: Mapping[str, Any]) -> bool:
    return bool(
        schema.get("minimum", number) <= number <= schema.get("maximum", number)
        and schema.get("exclusiveMinimum", number - 1) < number < schema.get("exclusiveMaximum", number + 1)
    )
