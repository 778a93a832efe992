"""The sample events of the schemas, for tests of consumers."""

from typing import TypeVar, cast

from waypost.kernel.event import Event
from waypost.project import project
from waypost.schemas.application import application_codec
from waypost.schemas.samples import sample_path

E = TypeVar("E", bound=Event)


def sample_of(kind: type[E]) -> E:
    """The event that was stored as a sample when the newest version of its schema was locked. Its
    values are the same in every test run.
    """
    file = sample_path(project().schemas_folder, kind.type, kind.schema_version)
    return cast(E, application_codec().decode(kind.type, file.read_bytes()))
