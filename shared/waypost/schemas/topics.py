"""Reads `topics.yaml`."""

from collections.abc import Sequence
from pathlib import Path

import yaml

from waypost.kernel.topic import Topic
from waypost.project import project


def declared_topics(file: Path | None = None) -> Sequence[Topic]:
    """Those of `topics.yaml` in the application's schemas folder, or of another file."""
    declaration = yaml.safe_load((file or project().schemas_folder / "topics.yaml").read_text())
    topics = declaration["topics"] or {}  # a new project has none yet
    return [Topic(name=name, purpose=purpose, **declaration["defaults"]) for name, purpose in topics.items()]


def topic_names(root: Path) -> frozenset[str]:
    """Names in the `topics.yaml` under `root`; none where the file is missing."""
    file = root / "topics.yaml"
    return frozenset(each.name for each in declared_topics(file)) if file.exists() else frozenset()
