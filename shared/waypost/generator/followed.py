"""An event of another service that a new service reacts to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from waypost.generator.names import ServiceNames, class_name
from waypost.kernel.errors import NotFound
from waypost.project import project
from waypost.schemas.sources import newest, read_sources


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowedEvent:
    service: str
    event_type: str

    def words(self, names: ServiceNames, schemas: str) -> Mapping[str, str]:
        """Replacements of `$name` in the templates of a follower."""
        event = class_name(self.event_type)
        imported = sorted([(self.service, event), (names.service, class_name(names.event_type))])
        return {
            "FollowedEvent": event,
            "followed_service": self.service,
            "followed": self.event_type.replace(".", "_"),
            "followed_type": self.event_type,
            "event_imports": "\n".join(_imports(imported, schemas)),
        }


def followed_event(event_type: str) -> FollowedEvent:
    """The event of this type. Raises NotFound for a type that the project does not have."""
    sources = newest(read_sources(project().schemas_folder))
    if event_type not in sources:
        known = ", ".join(sorted(sources)) or "none yet"
        raise NotFound(f"this project has no event {event_type!r}; its event types are {known}")
    return FollowedEvent(service=sources[event_type].service, event_type=event_type)


def _imports(imported: Sequence[tuple[str, str]], schemas: str) -> Sequence[str]:
    """Import lines in the order of the linter, one per module."""
    by_module: dict[str, list[str]] = {}
    for service, event in imported:
        by_module.setdefault(service, []).append(event)
    return [
        f"from {schemas}.{service} import {', '.join(sorted(set(events)))}" for service, events in by_module.items()
    ]
