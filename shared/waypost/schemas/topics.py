"""Reads `topics.yaml`."""

from collections.abc import Sequence
from pathlib import Path

import yaml

from waypost.kernel.topic import Topic
from waypost.project import project


def declared_topics(file: Path | None = None) -> Sequence[Topic]:
    """The topics in `topics.yaml` of the application's schemas folder, or in another file."""
    return topics_in((file or project().schemas_folder / "topics.yaml").read_text(encoding="utf-8"))


def topics_in(text: str) -> Sequence[Topic]:
    """The topics in the text of such a file. Raises yaml.YAMLError."""
    declaration = yaml.safe_load(text)
    topics = declaration["topics"] or {}  # a new project has none yet
    return [Topic(name=name, purpose=purpose, **declaration["defaults"]) for name, purpose in topics.items()]


def topic_names(root: Path) -> frozenset[str]:
    """Topic names in the `topics.yaml` under `root`. Empty if the file is missing."""
    file = root / "topics.yaml"
    return frozenset(declared_topic.name for declared_topic in declared_topics(file)) if file.exists() else frozenset()
