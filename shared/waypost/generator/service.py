"""A new service of the project: a package with every part, its first event, and its tests."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from waypost.generator.followed import FollowedEvent
from waypost.generator.names import ServiceNames
from waypost.generator.writing import NewFile, rendered, write_new
from waypost.kernel.errors import Invalid
from waypost.project import Project, project
from waypost.schemas.contract import lock_new_versions, write_classes
from waypost.schemas.topics import topic_names


def write_service(names: ServiceNames, followed: FollowedEvent | None = None) -> Sequence[Path]:
    """Writes the files, declares the topic, locks the schema and generates the classes.

    Raises Invalid where a file exists, or where the files of the project lie elsewhere than
    expected.
    """
    application = project()
    refuse_nested_packages(application)
    written = write_new(service_files(application, names, followed))
    topics = application.schemas_folder / "topics.yaml"
    if names.topic not in topic_names(application.schemas_folder):
        declare_topic(topics, names)
        written.append(topics)
    lock_new_versions(application.schemas_folder)
    return [*written, *write_classes(application.schemas_folder)]


def service_files(application: Project, names: ServiceNames, followed: FollowedEvent | None) -> Sequence[NewFile]:
    """An event that is followed replaces some of the files."""
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


def declare_topic(file: Path, names: ServiceNames) -> None:
    """At the end of the file, whose last key is `topics`. Raises Invalid for another layout."""
    before = file.read_text(encoding="utf-8")
    after = f"{before.rstrip()}\n  {names.topic}: each {names.words['words']}, from its first event on\n"
    file.write_text(after, encoding="utf-8")
    if names.topic not in topic_names(file.parent):
        file.write_text(before, encoding="utf-8")
        raise Invalid(f"{file} does not end with its topics: declare {names.topic} in it by hand, then run the command")
