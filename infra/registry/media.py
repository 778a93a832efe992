"""The media type of Confluent's registry API."""

from fastapi.responses import JSONResponse


class RegistryResponse(JSONResponse):
    media_type = "application/vnd.schemaregistry.v1+json"
