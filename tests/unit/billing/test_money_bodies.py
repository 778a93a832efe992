"""Numbers in request bodies are integers: no other JSON value is read as one."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from services.billing.api import models
from waypost.web.models import RequestModel

VALID: dict[str, dict[str, Any]] = {
    "NewLine": {"description": "Loom", "quantity": 2, "unit_amount_minor": 100},
    "NewRefund": {"amount_minor": 5},
}
NOT_INTEGERS: list[Any] = [True, False, "2", "", 1.0, 2.5, [1], {"amount": 1}]


def integer_fields() -> Iterator[tuple[type[RequestModel], str]]:
    """Each field of each request body that holds an integer."""
    for model in vars(models).values():
        if isinstance(model, type) and issubclass(model, RequestModel):
            for name, shape in model.model_json_schema().get("properties", {}).items():
                if "integer" in [shape.get("type"), *(part.get("type") for part in shape.get("anyOf", ()))]:
                    yield model, name


FIELDS = list(integer_fields())


def test_each_body_with_a_number_is_tested() -> None:
    assert {model.__name__ for model, _ in FIELDS} == set(VALID)
    assert len(FIELDS) == 3


@pytest.mark.parametrize(("model", "name"), FIELDS, ids=lambda value: getattr(value, "__name__", value))
@pytest.mark.parametrize("value", NOT_INTEGERS, ids=repr)
def test_a_value_of_another_type_is_refused(model: type[RequestModel], name: str, value: Any) -> None:
    valid = VALID[model.__name__]
    assert getattr(model.model_validate(valid), name) == valid[name]
    with pytest.raises(ValidationError, match=name):
        model.model_validate(valid | {name: value})
