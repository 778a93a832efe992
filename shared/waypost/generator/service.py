"""A new service of the project: a package with every part, its first event, and its tests."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from waypost.generator.followed import FollowedEvent
from waypost.generator.names import ServiceNames
from waypost.generator.new_files import NewFile, all_or_nothing, rendered, write_new
from waypost.kernel.errors import Invalid
from waypost.project import Project, project
from waypost.schemas.contract import lock_new_versions, refuse, write_classes
from waypost.schemas.sources import read_sources
from waypost.schemas.topics import topic_names, topics_in
from waypost.schemas.verification import refusals


def write_service(names: ServiceNames, followed: FollowedEvent | None = None) -> Sequence[Path]:
    """Writes the files, declares the topic, locks the schema and generates the classes; changes
    nothing if it raises.

    Raises Invalid if a file exists, or if the files of the project lie elsewhere than expected, and
    SchemaProblems, also in an ExceptionGroup, if the schema check finds problems.
    """
    application = project()
    schemas = application.schemas_folder
    refuse_nested_packages(application)
    topics = schemas / "topics.yaml"
    with_topic = None if names.topic in topic_names(schemas) else topics_yaml_with(names, topics)
    refuse(refusals(read_sources(schemas), schemas))
    files = service_files(application, names, followed)
    with all_or_nothing([each.path for each in files], schemas):
        written = write_new(files)
        if with_topic is not None:
            topics.write_text(with_topic, encoding="utf-8")
            written.append(topics)
        lock_new_versions(schemas)
        return [*written, *write_classes(schemas)]


def service_files(application: Project, names: ServiceNames, followed: FollowedEvent | None) -> Sequence[NewFile]:
    """The files of the new service. A followed event replaces some of them."""
    words = {
        **names.words,
        "namespace": application.namespace,
        "services": application.services,
        "schemas": application.schemas,
        **(followed.words(names, application.schemas) if followed else {}),
    }
    places = {**names.places, "SERVICES": application.services, "SCHEMAS": application.schemas}
    files: dict[Path, NewFile] = {}
    for kind in ("service", "follower") if followed else ("service",):
        files |= {each.path: each for each in rendered(kind, application.root, words, places)}
    return list(files.values())


def refuse_nested_packages(application: Project) -> None:
    nested: Mapping[str, str] = {"services": application.services, "schemas": application.schemas}
    for key, package in nested.items():
        if "." in package:
            raise Invalid(
                f"[tool.waypost] {key} is {package!r}: services are generated into packages at the project's root alone;"
                " copy one of your services instead"
            )


def topics_yaml_with(names: ServiceNames, file: Path) -> str:
    """The text of `topics.yaml` with the service's topic at its end. Raises Invalid if the topics
    are not at the end of the file.
    """
    text = f"{file.read_text(encoding='utf-8').rstrip()}\n  {names.topic}: each {names.words['words']}, from its first event on\n"
    if not _declares(text, names.topic):
        raise Invalid(
            f"nothing was written, because {file} does not end with its topics:"
            f" declare {names.topic} in it by hand, then run the command"
        )
    return text


def _declares(text: str, topic: str) -> bool:
    try:
        return topic in [each.name for each in topics_in(text)]
    except yaml.YAMLError:
        return False
