"""Schemas by their id."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from infra.registry.catalog import Catalog
from infra.registry.media import RegistryResponse


def create_schema_routes(catalog: Catalog) -> APIRouter:
    router = APIRouter(prefix="/schemas", default_response_class=RegistryResponse)

    @router.get("")
    async def all_schemas() -> list[dict[str, Any]]:
        return [schema.shown() for schema in catalog.all()]

    @router.get("/types")
    async def types() -> list[str]:
        return ["AVRO"]

    @router.get("/ids/{schema_id}")
    async def by_id(schema_id: int) -> dict[str, str]:
        """Route that every deserializer uses. Without `schemaType`: its absence means Avro."""
        return {"schema": catalog.with_id(schema_id)[0].schema}

    @router.get("/ids/{schema_id}/schema")
    async def text(schema_id: int) -> Response:
        return Response(catalog.with_id(schema_id)[0].schema, media_type=RegistryResponse.media_type)

    @router.get("/ids/{schema_id}/subjects")
    async def subjects(schema_id: int) -> list[str]:
        return [schema.subject for schema in catalog.with_id(schema_id)]

    @router.get("/ids/{schema_id}/versions")
    async def versions(schema_id: int) -> list[dict[str, Any]]:
        return [{"subject": schema.subject, "version": schema.version} for schema in catalog.with_id(schema_id)]

    return router
