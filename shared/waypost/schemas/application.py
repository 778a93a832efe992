"""The codec of the application's events."""

from importlib import import_module

from waypost.project import project
from waypost.schemas.codec import AvroCodec


def application_codec() -> AvroCodec:
    """Builds the codec from the event classes, schemas and upcasters of the application's `schemas`
    package. Raises Misconfigured.
    """
    package = project().schemas
    catalogue = import_module(f"{package}.catalogue")
    upcasters = import_module(f"{package}.upcasters")
    return AvroCodec(
        root=project().schemas_folder,
        events=catalogue.EVENTS,
        upcasters=upcasters.UPCASTERS,
    )
