"""Text fields of request bodies: each refuses the hostile names, or is listed here with the reason
why no person sees it as a name.
"""

from collections.abc import Iterator
from importlib import import_module
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import pytest
from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from tests.fixtures.names import HOSTILE_NAMES
from waypost.kernel.text import is_storable
from waypost.web.models import RequestModel

for _module in ("users", "billing", "notifications"):
    import_module(f"services.{_module}.api")
import_module("waypost.hosting.api")

SECRETS = {"password", "current_password", "new_password", "token", "refresh_token"}
"""Hashed or compared, never shown."""


def _models(base: type[RequestModel] = RequestModel) -> Iterator[type[RequestModel]]:
    for model in base.__subclasses__():
        yield model
        yield from _models(model)


FIELDS = {
    f"{model.__module__}.{model.__name__}.{name}": field
    for model in _models()
    if model.__module__.startswith(("services.", "waypost."))
    for name, field in model.model_fields.items()
    if name not in SECRETS
    if not model.__module__.startswith("waypost.web.ops.") and not model.__module__.endswith(".api.operations")
    # typed by operators; terminals show escapes
}


@pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS.keys())
def test_a_text_field_refuses_each_hostile_name(field: FieldInfo) -> None:
    annotation: Any = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
    adapter = TypeAdapter[Any](annotation)
    accepted = []
    for name, text in HOSTILE_NAMES.items():
        try:
            value = adapter.validate_python(text)
        except ValidationError:
            continue
        if isinstance(value, str) and is_storable(text):
            accepted.append(name)
    assert accepted == []


def test_the_names_of_people_companies_and_lines_are_checked() -> None:
    ends = {name.rpartition(".")[2] for name, field in FIELDS.items() if _is_text(field.annotation)}
    assert {"display_name", "name", "description", "email"} <= ends


def _is_text(annotation: Any) -> bool:
    if get_origin(annotation) in (Union, UnionType):
        return any(map(_is_text, get_args(annotation)))
    return annotation is str or getattr(annotation, "__supertype__", None) is str
