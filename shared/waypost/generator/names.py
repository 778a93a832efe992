"""The names of a service's parts, derived from its name and its first event type."""

import keyword
import re
from dataclasses import dataclass

from waypost.generator.reserved_names import (
    is_reserved_aggregate,
    is_reserved_past_tense,
    is_reserved_service,
    is_reserved_verb,
)
from waypost.generator.verbs import verb_of
from waypost.kernel.errors import Invalid

_WORD = r"[a-z][a-z0-9]*(_[a-z0-9]+)*"
_SERVICE = re.compile(_WORD)
_EVENT_TYPE = re.compile(rf"({_WORD})\.({_WORD})")
_PROJECT = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
MAX_LENGTH = 40
"""Characters. Names of roles, tables and indexes are built from it, and PostgreSQL takes 63."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceNames:
    service: str
    aggregate: str
    happened: str
    verb: str

    @property
    def event_type(self) -> str:
        return f"{self.aggregate}.{self.happened}"

    @property
    def topic(self) -> str:
        return f"{self.service}.{self.aggregate}"

    @property
    def aggregates(self) -> str:
        return plural_of(self.aggregate)

    @property
    def path(self) -> str:
        """First part of the routes: `/payment-methods`."""
        return self.aggregates.replace("_", "-")

    @property
    def words(self) -> dict[str, str]:
        """Replacements of `$name` in the templates."""
        return {
            "service": self.service,
            "aggregate": self.aggregate,
            "aggregates": self.aggregates,
            "Aggregate": class_name(self.aggregate),
            "event_type": self.event_type,
            "Event": class_name(self.event_type),
            "happened": self.happened,
            "happened_words": self.happened.replace("_", " "),
            "words": self.aggregate.replace("_", " "),
            "verb": f"{self.verb}_" if keyword.iskeyword(self.verb) else self.verb,
            "command": f"{self.verb}_{self.aggregate}",
            "Command": class_name(f"{self.verb}_{self.aggregate}"),
            "topic": self.topic,
            "path": self.path,
            "verb_name": self.verb,
        }

    @property
    def places(self) -> dict[str, str]:
        """Replacements of the words in capitals in the paths of templates."""
        return {
            "SERVICE": self.service,
            "EVENT_TYPE": self.event_type,
            "AGGREGATE": self.aggregate,
            "PLURAL": self.aggregates,
        }


def service_names(service: str, event_type: str | None = None, verb: str | None = None) -> ServiceNames:
    """The names of a new service. The default of the event type is `<service>.created`. Raises
    Invalid for a name that cannot be used.
    """
    if not _SERVICE.fullmatch(service) or len(service) > MAX_LENGTH:
        raise Invalid(
            f"{service!r} is not a service name: use lower-case letters, for example `shipping`; {MAX_LENGTH} at most"
        )
    if is_reserved_service(service):
        raise Invalid(f"a service cannot be named {service}: the name is taken; choose another")
    aggregate, happened = _parts(event_type or f"{service.removesuffix('s')}.created")
    chosen = verb or verb_of(happened)
    if not _SERVICE.fullmatch(chosen):
        raise Invalid(f"{chosen!r} is not a verb: use lower-case letters, for example `--verb dispatch`")
    names = ServiceNames(service=service, aggregate=aggregate, happened=happened, verb=chosen)
    if is_reserved_verb(chosen, command=names.words["command"], class_name=names.words["Command"]):
        raise Invalid(
            f"the first command cannot be named {chosen}: the name is taken; choose another, for example `--verb dispatch`"
        )
    return names


def project_name(name: str) -> str:
    """The name, if a folder and a distribution can have it. Raises Invalid."""
    if not _PROJECT.fullmatch(name) or len(name) > MAX_LENGTH:
        raise Invalid(
            f"{name!r} is not a project name: use lower-case letters, for example `acme`; {MAX_LENGTH} at most"
        )
    if keyword.iskeyword(namespace_of(name)) or name == "waypost":
        raise Invalid(f"a project cannot be named {name}: Python or the toolkit has that name; choose another")
    return name


def namespace_of(project: str) -> str:
    return project.replace("-", "_")


def class_name(words: str) -> str:
    """`shipment.dispatched` → `ShipmentDispatched`"""
    return "".join(word.capitalize() for word in re.split(r"[._]", words))


def plural_of(noun: str) -> str:
    if re.search(r"[^aeiou]y$", noun):
        return f"{noun[:-1]}ies"
    return f"{noun}es" if re.search(r"(s|x|z|ch|sh)$", noun) else f"{noun}s"


def _parts(event_type: str) -> tuple[str, str]:
    form = _EVENT_TYPE.fullmatch(event_type)
    if form is None or len(event_type) > MAX_LENGTH:
        raise Invalid(
            f"{event_type!r} is not an event type: write <aggregate>.<past tense>, as shipment.dispatched; {MAX_LENGTH} at most"
        )
    aggregate, happened = event_type.split(".")
    if is_reserved_aggregate(aggregate, plural=plural_of(aggregate), class_name=class_name(aggregate)):
        raise Invalid(
            f"an aggregate cannot be named {aggregate}: {aggregate} or {plural_of(aggregate)} is taken; choose another"
        )
    if is_reserved_past_tense(happened, aggregate=aggregate, class_name=class_name(event_type)):
        raise Invalid(f"an event type cannot end with {happened}: the name is taken; choose another")
    return aggregate, happened
