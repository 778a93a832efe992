"""Registers the locked schemas with a registry that has Confluent's API, for tools that need a
registry.
"""

import json
from pathlib import Path

import httpx

from waypost.schemas.lock import LockedSchema, read_lock
from waypost.schemas.problems import SchemaProblem

_MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"


def push(url: str, root: Path) -> int:
    """Registers all schemas in lock order and returns their number. Raises SchemaProblem for the
    first one whose id differs from the lock.
    """
    lines = read_lock(root)
    with httpx.Client(
        base_url=url, headers={"Content-Type": _MEDIA_TYPE, "Accept": _MEDIA_TYPE}, timeout=10
    ) as registry:
        for line in lines:
            given = _register(registry, line, (root / line.file).read_text(encoding="utf-8"))
            if given != line.id:
                raise SchemaProblem(
                    line.subject,
                    f"the registry at {url} assigned id {given}, but the locked id is {line.id}",
                    "readers look schemas up by the id in the payload",
                    "push to an empty registry that assigns ids from 1",
                )
    return len(lines)


def _register(registry: httpx.Client, line: LockedSchema, source: str) -> int:
    try:
        answer = registry.post(
            f"/subjects/{line.subject}/versions", content=json.dumps({"schema": source, "schemaType": "AVRO"}).encode()
        )
        answer.raise_for_status()
        return int(answer.json()["id"])
    except (httpx.HTTPError, ValueError, KeyError) as error:
        raise SchemaProblem(
            line.subject,
            f"the registry at {registry.base_url} refused the schema: {error}",
            "the address must be that of Confluent's API",
            "check that the registry runs, and the path of its API (Apicurio: /apis/ccompat/v7)",
        ) from error
