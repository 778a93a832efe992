"""Names of the templates are compared with the names that the generator refuses."""

import ast
import keyword
import re
from collections.abc import Iterator

import pytest

from waypost.generator.followed import FollowedEvent
from waypost.generator.names import ServiceNames, service_names
from waypost.generator.service import service_files
from waypost.kernel.errors import Invalid
from waypost.project import project

NAMES = service_names("harbour", "vessel.moored", "moor")
FOLLOWED = FollowedEvent(service="weather", event_type="storm.announced")


def modules() -> Iterator[ast.Module]:
    application = project()
    for followed in (None, FOLLOWED):
        for file in service_files(application, NAMES, followed):
            if file.path.suffix == ".py":
                yield ast.parse(file.text)


def identifiers(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        match node:
            case ast.Name(id=name) | ast.arg(arg=name):
                yield name
            case ast.alias():
                yield node.asname or node.name


def test_an_aggregate_has_no_name_that_its_templates_use() -> None:
    accepted = {name for module in modules() for name in _taken(set(identifiers(module))) if _is_accepted(name)}
    assert accepted == set()


def _taken(names: set[str]) -> Iterator[str]:
    """Aggregates whose variable, table or class would have a name of the same module."""
    own = {name for name in names if not re.search("vessel|moor|storm", name, re.IGNORECASE)}
    if "vessel" in names:
        yield from (name for name in own if re.fullmatch("[a-z][a-z0-9_]*", name))
    if "vessels" in names:
        yield from (name.removesuffix("s") for name in own if re.fullmatch("[a-z][a-z0-9_]*s", name))
    if "Vessel" in names:
        yield from (_snake(name) for name in own if re.fullmatch("([A-Z][a-z]+)+", name))


def _snake(name: str) -> str:
    return re.sub("(?<!^)([A-Z])", r"_\1", name).lower()


def _is_accepted(aggregate: str) -> bool:
    try:
        names: ServiceNames = service_names("harbour", f"{aggregate}.moored")
    except Invalid:
        return False
    return names.aggregate == aggregate


KEYWORDS = sorted({each.lower() for each in (*keyword.kwlist, *keyword.softkwlist)} - {"_"})


@pytest.mark.parametrize("word", KEYWORDS)
def test_a_keyword_is_refused_or_gives_valid_modules(word: str) -> None:
    roles: list[tuple[str, str | None, str | None]] = [
        (word, None, None),
        ("harbour", f"{word}.moored", None),
        ("harbour", f"vessel.{word}", None),
    ]
    roles += [("harbour", "vessel.moored", word), (f"{word}s", None, None)]
    for service, event_type, verb in roles:
        try:
            names = service_names(service, event_type, verb)
        except Invalid:
            continue
        for followed in (None, FOLLOWED):
            for file in service_files(project(), names, followed):
                if file.path.suffix == ".py":
                    compile(file.text, str(file.path), "exec")
