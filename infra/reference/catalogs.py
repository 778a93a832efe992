"""Reads the catalogs: YAML files whose entries become rows of the reference."""

from pathlib import Path
from typing import Any

import yaml

from waypost.kernel.errors import Misconfigured


class _UniqueKeys(yaml.SafeLoader):
    """Refuses a key that is there twice: YAML would take the last one, and say nothing."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise Misconfigured(
                    f"{Path(key.start_mark.name).name} has two entries {key.value}, the second in line"
                    f" {key.start_mark.line + 1}. Remove one"
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def read_catalog(file: Path) -> Any:
    """The document of the file. Raises Misconfigured for a repeated key."""
    with file.open(encoding="utf-8") as text:
        return yaml.load(text, Loader=_UniqueKeys)  # noqa: S506 - a SafeLoader
