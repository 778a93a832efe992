"""Valid JSON for a schema, with chosen values in place of ids."""

import random
import re
from collections.abc import Callable
from typing import Any

from tests.security.operations import Operations, Schema

Slot = Callable[[str], str]
"""The id for the property with this name."""

TEXTS = ("pm_card_visa", "starter", "EUR", "en", "2026-01-31", "example.com", "19", "Difference engine")
"""Tried in this order against the pattern of a text."""

FORMATS = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T00:00:00Z",
    "email": "stranger@example.com",
    "uri": "https://example.com/",
}


class Sampler:
    def __init__(self, operations: Operations, choice: random.Random, slot: Slot) -> None:
        self._operations = operations
        self._choice = choice
        self._slot = slot

    def sample(self, schema: Schema, name: str = "body", *, optional: bool = True) -> Any:
        """A valid value. Omits optional properties at random, or all of them unless `optional`.
        Raises AssertionError for a schema that it cannot satisfy.
        """
        schema = self._operations.resolved(schema)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._choice.choice(schema["enum"])
        if "anyOf" in schema and "type" not in schema:
            alternatives = [each for each in schema["anyOf"] if each.get("type") != "null"]
            return self.sample(self._choice.choice(alternatives), name, optional=optional)
        match schema.get("type"):
            case "object":
                return self._object(schema, optional=optional)
            case "array":
                return [self.sample(schema["items"], name, optional=optional)]
            case "integer" | "number":
                return int(max(schema.get("minimum", 1), schema.get("exclusiveMinimum", 0) + 1))
            case "boolean":
                return self._choice.random() < 0.5
            case "string":
                return self._text(schema, name)
            case _:
                return "anything"

    def _object(self, schema: Schema, *, optional: bool) -> dict[str, Any]:
        required = schema.get("required", ())
        return {
            name: self.sample(of, name, optional=optional)
            for name, of in schema.get("properties", {}).items()
            if name in required or (optional and self._choice.random() < 0.5)
        }

    def _text(self, schema: Schema, name: str) -> str:
        formats = [schema.get("format"), *(each.get("format") for each in schema.get("anyOf", ()))]
        if "uuid" in formats:
            return self._slot(name)
        if known := [FORMATS[each] for each in formats if each in FORMATS]:
            return known[0]
        least: int = schema.get("minLength", 0)
        pattern: str = schema.get("pattern", "")
        for text in TEXTS:
            if re.search(pattern, text):
                return text + "x" * max(0, least - len(text))
        raise AssertionError(f"no sample text matches {pattern!r} of {name}: add one to TEXTS in {__name__}")
