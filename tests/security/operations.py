"""The operations of an application: its routes, the parameters of their requests, and who may call
them. Read from the application and from its OpenAPI document.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI

from waypost.web.policies import policies

Schema = Mapping[str, Any]

VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    method: str
    path: str
    """The template, such as `/invoices/{invoice_id}`."""
    policy: str
    query: Mapping[str, Schema]
    body: Schema | None
    """None if the operation takes no JSON."""

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def slots(self) -> Sequence[str]:
        """Names of the parameters of the path."""
        return re.findall(r"{(\w+)}", self.path)

    @property
    def is_public(self) -> bool:
        return self.policy.startswith("public")

    @property
    def is_for_operators(self) -> bool:
        return self.policy == "operator"


class Operations:
    def __init__(self, app: FastAPI) -> None:
        document = app.openapi()
        self.definitions: Mapping[str, Schema] = document["components"]["schemas"]
        self.all = sorted(self._found(app, document["paths"]), key=lambda each: (each.path, each.method))

    @property
    def undeclared(self) -> Iterator[tuple[str, str]]:
        """Every path with each verb that it has no route for."""
        declared = {(each.method, each.path) for each in self.all}
        for path in sorted({each.path for each in self.all}):
            yield from ((verb, path) for verb in VERBS if (verb, path) not in declared)

    def resolved(self, schema: Schema) -> Schema:
        if "$ref" in schema:
            return self.resolved(self.definitions[schema["$ref"].rpartition("/")[2]])
        if len(schema.get("allOf", ())) == 1:
            return self.resolved(schema["allOf"][0])
        return schema

    def _found(self, app: FastAPI, paths: Mapping[str, Any]) -> Iterator[Operation]:
        for route in policies(app):
            for method in route.methods:
                documented = paths.get(route.path, {}).get(method.lower(), {})
                body = documented.get("requestBody", {}).get("content", {}).get("application/json")
                yield Operation(
                    method=method,
                    path=route.path,
                    policy=route.policy or "none",
                    query={
                        each["name"]: each["schema"]
                        for each in documented.get("parameters", ())
                        if each["in"] == "query"
                    },
                    body=body["schema"] if body else None,
                )
