"""Reads `topics.yaml`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

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
    return [_topic(name, declared, declaration["defaults"]) for name, declared in topics.items()]


def _topic(name: str, declared: str | Mapping[str, Any], defaults: Mapping[str, Any]) -> Topic:
    """`declared` is the purpose, or also settings that replace or complete the defaults."""
    if isinstance(declared, str):
        return Topic(name=name, purpose=declared, **defaults)
    configuration = {**defaults["configuration"], **declared.get("configuration", {})}
    return Topic(name=name, **{**defaults, **declared, "configuration": configuration})


def topic_names(root: Path) -> frozenset[str]:
    """Topic names in the `topics.yaml` under `root`. Empty if the file is missing."""
    file = root / "topics.yaml"
    return frozenset(declared_topic.name for declared_topic in declared_topics(file)) if file.exists() else frozenset()
