"""The part of the OpenAPI document about waiting: the fields of `waypost.web.read_own_writes` and
`waypost.web.waits`, on every route that a user calls.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI

from waypost.web.policies import policies
from waypost.web.preferences import MAX_WAIT_SECONDS
from waypost.web.read_own_writes import STATUS, WriteStatus
from waypost.web.request import WRITE_TOKEN

TOKEN = "AQGiEydDS3i4go4pgYy_IXs7wZ9q3x0mSoc"  # noqa: S105 - an example

PARAMETERS: Sequence[Mapping[str, Any]] = (
    {
        "name": "Prefer",
        "in": "header",
        "required": False,
        "schema": {"type": "string"},
        "example": "wait=5",
        "description": (
            f"`wait=N` (RFC 7240): answer up to N seconds later, at most {MAX_WAIT_SECONDS}, as soon as this service has"
            f" handled the events of `{WRITE_TOKEN}`; at `/jobs/{{job_id}}` also as soon as the job has ended."
        ),
    },
    {
        "name": WRITE_TOKEN,
        "in": "header",
        "required": False,
        "schema": {"type": "string"},
        "example": TOKEN,
        "description": (
            "The field of the response to a write, from any service. Several have commas between them. Without"
            " `Prefer: wait=N` it has no effect."
        ),
    },
)
WRITE_TOKEN_FIELD: Mapping[str, Any] = {
    "schema": {"type": "string"},
    "example": TOKEN,
    "description": (
        "Names the events that the request has stored, if there are any. Send it with a read, to any service, to see the"
        " write there. Opaque; valid for a day, in this tenant."
    ),
}
WRITE_TOKEN_STATUS: Mapping[str, Any] = {
    "schema": {"type": "string", "enum": [status.value for status in WriteStatus]},
    "example": WriteStatus.HANDLED.value,
    "description": (
        "Only for a request that preferred to wait. `handled`: the response shows the write. `pending`: the wait ended"
        " before. `failed`: the write could not be handled here, and an operator has to act. `unchecked`: the request did"
        " not wait, because too many do, or because the token is too old or too new."
    ),
}
PREFERENCE_APPLIED: Mapping[str, Any] = {
    "schema": {"type": "string"},
    "example": "wait",
    "description": "`wait` if the request has waited as it preferred, if necessary.",
}

_SAFE = frozenset(("GET", "HEAD"))


def add_waits(app: FastAPI, document: Mapping[str, Any]) -> None:
    """Adds the fields to the routes of the application that require a user's token."""
    for route in policies(app):
        if route.policy is None or not route.policy.startswith(("any user", "role ")):
            continue
        for method in route.methods:
            operation = document["paths"].get(route.path, {}).get(method.lower())
            if operation is not None:
                (_add_to_read if method in _SAFE else _add_to_write)(operation)


def _add_to_read(operation: dict[str, Any]) -> None:
    parameters = operation.setdefault("parameters", [])
    present = {each["name"] for each in parameters}  # the framework returns the same document again
    parameters.extend(dict(each) for each in PARAMETERS if each["name"] not in present)
    _add_headers(operation, {"Preference-Applied": PREFERENCE_APPLIED, STATUS: WRITE_TOKEN_STATUS})


def _add_to_write(operation: dict[str, Any]) -> None:
    _add_headers(operation, {WRITE_TOKEN: WRITE_TOKEN_FIELD})


def _add_headers(operation: Mapping[str, Any], headers: Mapping[str, Mapping[str, Any]]) -> None:
    for status, response in operation["responses"].items():
        if status.startswith("2"):
            response.setdefault("headers", {}).update({name: dict(each) for name, each in headers.items()})
