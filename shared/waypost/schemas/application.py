"""The codec of the application's events."""

from functools import cache
from importlib import import_module
from pathlib import Path

from waypost.project import project
from waypost.schemas.codec import AvroCodec


def application_codec() -> AvroCodec:
    """The codec of the event classes, schemas and upcasters in the application's `schemas` package,
    built once in a process. Raises Misconfigured.
    """
    return _codec_of(project().schemas, project().schemas_folder)


@cache
def _codec_of(package: str, root: Path) -> AvroCodec:
    catalogue = import_module(f"{package}.catalogue")
    upcasters = import_module(f"{package}.upcasters")
    return AvroCodec(root=root, events=catalogue.EVENTS, upcasters=upcasters.UPCASTERS)
