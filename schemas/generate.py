"""Writes `schemas/<service>.py` from the newest version of every type. The text is stable: equal sources give equal bytes."""

import textwrap
from collections.abc import Iterator
from pathlib import Path

from schemas.sources import ROOT, Field, SchemaSource, newest, read_sources

PYTHON_TYPES = {
    "string": "str",
    "bytes": "bytes",
    "boolean": "bool",
    "long": "int",
    "uuid": "UUID",
    "timestamp-micros": "datetime",
}
_IMPORTS = {"datetime": "from datetime import datetime", "UUID": "from uuid import UUID"}
_HIDDEN = "field(repr=False)"


def generate(root: Path = ROOT) -> dict[Path, str]:
    """The modules that the sources ask for, path → text, in service order."""
    by_service: dict[str, list[SchemaSource]] = {}
    for source in newest(read_sources(root)).values():
        by_service.setdefault(source.service, []).append(source)
    return {root / f"{service}.py": _module(service, by_service[service]) for service in sorted(by_service)}


def _module(service: str, sources: list[SchemaSource]) -> str:
    ordered = sorted(sources, key=lambda source: (source.topic, source.event_type))
    classes = "\n\n\n".join("\n".join(_class_lines(source)) for source in ordered)
    table = "\n".join(f"    {source.name}," for source in ordered)
    return f"{_head(service, classes)}\n\n\n{classes}\n\n\nEVENTS: tuple[type[Event], ...] = (\n{table}\n)\n"


def _head(service: str, classes: str) -> str:
    dataclasses = "dataclass, field" if _HIDDEN in classes else "dataclass"
    standard = [f"from dataclasses import {dataclasses}", "from typing import ClassVar"]
    standard += [line for name, line in _IMPORTS.items() if f": {name}" in classes]
    imports = "\n".join(sorted(standard))
    title = f'"""Events that {service} publishes. Generated from `schemas/avro` by `python -m schemas generate`; edit those files."""'
    return f"{title}\n\n{imports}\n\nfrom shared.kernel.event import Event"


def _class_lines(source: SchemaSource) -> Iterator[str]:
    yield "@dataclass(frozen=True, slots=True, kw_only=True)"
    yield f"class {source.name}(Event):"
    yield from _docstring(source.doc)
    yield ""
    yield f'    type: ClassVar[str] = "{source.event_type}"'
    yield f'    topic: ClassVar[str] = "{source.topic}"'
    yield f"    schema_version: ClassVar[int] = {source.version}"
    yield f"    personal: ClassVar[frozenset[str]] = {_personal(source)}"
    yield ""
    for field in source.fields:
        yield _attribute(field)
        yield from _docstring(field.doc)


def _personal(source: SchemaSource) -> str:
    names = ", ".join(f'"{field.name}"' for field in source.fields if field.personal)
    return f"frozenset({{{names}}})" if names else "frozenset()"


def _attribute(field: Field) -> str:
    annotation = PYTHON_TYPES[field.kind] + (" | None" if field.nullable else "")
    if field.personal or field.kind == "bytes":
        # Neither a person nor a sealed token is printed by accident. Lint keeps defaults off these fields.
        return f"    {field.name}: {annotation} = {_HIDDEN}"
    default = f" = {_literal(field.definition['default'])}" if field.has_default else ""
    return f"    {field.name}: {annotation}{default}"


def _literal(value: object) -> str:
    return '"' + value + '"' if isinstance(value, str) else repr(value)


def _docstring(text: str) -> Iterator[str]:
    lines = textwrap.wrap(text, 104)
    if len(lines) == 1:
        yield f'    """{lines[0]}"""'
        return
    yield f'    """{lines[0]}'
    yield from (f"    {line}" for line in lines[1:])
    yield '    """'
