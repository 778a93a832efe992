"""A kind or status that a newer release has stored stops no reader of this release.

Answers show its text (`waypost.kernel.stored_kinds.member_or_text`), decisions wait
(`known_member`).
"""

import ast
import inspect
from collections.abc import Iterator, Mapping
from enum import StrEnum
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Literal, get_args, get_origin

import pytest

from infra.stack.places import CHECKOUT
from waypost.kernel.role import Role
from waypost.web.models import ResponseModel

SERVICES = ("users", "billing", "notifications")
NOT_STORED: Mapping[str, str] = {
    "services.billing.adapters.responses AttemptKind": "an answer of the provider, checked as a Literal",
    "services.billing.adapters.webhooks NoticeKind": "a notice of the provider, checked as a Literal",
    "services.billing.adapters.webhooks NoticeOutcome": "a notice of the provider, checked as a Literal",
    "services.users.api.membership UserStatus": "a filter of the request",
    "services.notifications.api.preferences Category": "the name of a field of the request",
}
"""Members that are made of text which no process has stored."""
COMPUTED: Mapping[str, str] = {
    "UserView.status": "of the columns verified and suspended",
    "ListedUserView.status": "of the columns verified and suspended",
    "ExportView.status": "of the times of the export",
    "TenantView.status": "of the aggregate, which raises NewerKind",
    "JoinPolicyView.mode": "of the aggregate, which raises NewerKind",
    "RefundView.origin": "of the key of the request",
    "EventTypeView.type": "the release's own catalogue",
    "TemplateView.category": "the release's own catalogue",
    "TemplateView.name": "the release's own templates",
}
"""Fields whose values this release computes."""


SOURCES = {
    ".".join(file.relative_to(CHECKOUT).with_suffix("").parts): ast.parse(file.read_text())
    for file in (CHECKOUT / "services").rglob("*.py")
}
KINDS = {Role.__name__} | {
    node.name
    for tree in SOURCES.values()
    for node in ast.walk(tree)
    if isinstance(node, ast.ClassDef)
    and any(isinstance(base, ast.Name) and base.id == "StrEnum" for base in node.bases)
}


def constructions() -> Iterator[str]:
    """`module Kind` for each member that is made of a text."""
    for module, tree in SOURCES.items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if node.func.id in KINDS and len(node.args) == 1 and not node.keywords:
                yield f"{module} {node.func.id}"


def closed_types(annotation: Any) -> Iterator[Any]:
    """The sets of texts in an annotation that exclude other texts."""
    arguments = get_args(annotation)
    if get_origin(annotation) is Literal or (inspect.isclass(annotation) and issubclass(annotation, StrEnum)):
        yield annotation
    elif str not in arguments:
        for argument in arguments:
            yield from closed_types(argument)


def views() -> Iterator[tuple[str, Any]]:
    """Each field of each response of the services."""
    models = set()
    for service in SERVICES:
        package = import_module(f"services.{service}.api")
        for found in iter_modules(package.__path__, f"{package.__name__}."):
            classes = vars(import_module(found.name)).values()
            models |= {each for each in classes if inspect.isclass(each) and issubclass(each, ResponseModel)}
    for model in models:
        for name, field in model.model_fields.items():
            yield f"{model.__name__}.{name}", field.annotation


def test_no_stored_text_must_be_a_member() -> None:
    assert {found for found in constructions() if found not in NOT_STORED} == set()
    assert NOT_STORED.keys() <= set(constructions()), "an exception that is no longer needed"


def test_every_answer_may_show_a_newer_kind() -> None:
    closed = {name for name, annotation in views() if list(closed_types(annotation))}
    assert closed == COMPUTED.keys()


@pytest.mark.parametrize("annotation", [Role, Role | None, Literal["a", "b"], list[Role]])
def test_a_closed_type_is_found(annotation: Any) -> None:
    assert list(closed_types(annotation))
    assert not list(closed_types(annotation | str))


def test_the_kinds_of_every_service_are_found() -> None:
    assert {"NotificationKind", "InvoiceStatus", "UserStatus"} <= KINDS
