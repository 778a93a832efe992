"""Reads `topics.yaml`."""

from collections.abc import Sequence
from pathlib import Path

import yaml

from shared.kernel.topic import Topic

FILE = Path(__file__).with_name("topics.yaml")


def declared_topics(file: Path = FILE) -> Sequence[Topic]:
    declaration = yaml.safe_load(file.read_text())
    return [
        Topic(name=name, purpose=purpose, **declaration["defaults"]) for name, purpose in declaration["topics"].items()
    ]
