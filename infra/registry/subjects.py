"""Schemas by subject and version, and the settings, which are constant."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, Field

from infra.registry.catalog import Catalog
from infra.registry.errors import invalid_version, no_own_compatibility, no_own_mode
from infra.registry.media import RegistryResponse

COMPATIBILITY = "FULL_TRANSITIVE"
MODE = "READONLY"
DefaultToGlobal = Annotated[bool, Query(alias="defaultToGlobal")]


class SchemaLookup(BaseModel):
    """Request body with which a serializer looks up its schema."""

    text: str = Field(alias="schema")


def create_subject_routes(catalog: Catalog) -> APIRouter:
    router = APIRouter(prefix="/subjects", default_response_class=RegistryResponse)

    @router.get("")
    async def subjects(prefix: Annotated[str, Query(alias="subjectPrefix")] = "") -> list[str]:
        return [subject for subject in catalog.subjects() if subject.startswith(prefix)]

    @router.get("/{subject}/versions")
    async def versions(subject: str) -> list[int]:
        return sorted(catalog.versions(subject))

    @router.get("/{subject}/versions/{version}")
    async def one_version(subject: str, version: str) -> dict[str, Any]:
        return catalog.version(subject, _version(version)).shown()

    @router.get("/{subject}/versions/{version}/schema")
    async def text(subject: str, version: str) -> Response:
        return Response(catalog.version(subject, _version(version)).schema, media_type=RegistryResponse.media_type)

    @router.get("/{subject}/versions/{version}/referencedby")
    async def referenced_by(subject: str, version: str) -> list[int]:
        """Always empty: the schemas of Waypost have no references."""
        catalog.version(subject, _version(version))
        return []

    @router.post("/{subject}")
    async def registered(subject: str, question: SchemaLookup) -> dict[str, Any]:
        """A lookup, although it is a POST: the version of the subject that equals the given
        schema.
        """
        return catalog.registered(subject, question.text).shown()

    return router


def create_setting_routes() -> APIRouter:
    router = APIRouter(default_response_class=RegistryResponse)

    @router.get("/config")
    async def compatibility() -> dict[str, str]:
        return {"compatibilityLevel": COMPATIBILITY}

    @router.get("/config/{subject}")
    async def compatibility_of(subject: str, default_to_global: DefaultToGlobal = False) -> dict[str, str]:
        if not default_to_global:
            raise no_own_compatibility(subject)
        return {"compatibilityLevel": COMPATIBILITY}

    @router.get("/mode")
    async def mode() -> dict[str, str]:
        return {"mode": MODE}

    @router.get("/mode/{subject}")
    async def mode_of(subject: str, default_to_global: DefaultToGlobal = False) -> dict[str, str]:
        if not default_to_global:
            raise no_own_mode(subject)
        return {"mode": MODE}

    return router


def _version(text: str) -> int | None:
    """None means the latest, which Confluent also spells -1."""
    if text in ("latest", "-1"):
        return None
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 2**31:
        raise invalid_version(text)
    return int(text)
