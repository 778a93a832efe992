"""Registers the locked schemas with a registry that speaks Confluent's API, so that tools which ask
one find our ids.
"""

import json
from pathlib import Path

import httpx

from waypost.schemas.lock import LockedSchema, read_lock
from waypost.schemas.problems import SchemaProblem

_MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"


def push(url: str, root: Path) -> int:
    """How many were registered, in lock order. Raises SchemaProblem at the first one that gets
    another id than the lock's.
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
                    f"the registry at {url} gave id {given}, the lock says {line.id}",
                    "readers look schemas up by the id in the bytes",
                    "push into an empty registry that counts ids from 1",
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
            f"the registry at {registry.base_url} did not take it: {error}",
            "it must speak Confluent's API at this address",
            "check that it runs, and the path of its API (Apicurio: /apis/ccompat/v7)",
        ) from error
