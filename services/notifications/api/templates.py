"""The mails' templates, with previews of sample data."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Annotated

from fastapi import APIRouter, Query

from services.notifications.adapters.email_templates import JinjaEmailTemplates
from services.notifications.adapters.template_samples import SAMPLES
from services.notifications.domain import Category, NotificationKind, category_of
from waypost.web.auth import AdminCaller
from waypost.web.models import ResponseModel

router = APIRouter(prefix="/templates", tags=["templates"])


class TemplateView(ResponseModel):
    name: NotificationKind
    category: Category
    is_optional: bool
    """Whether recipients can switch the category off."""
    versions: Mapping[str, str]
    """The version by language: a hash of the template's text."""


class PreviewView(ResponseModel):
    subject: str
    text: str
    html: str


@router.get("")
async def list_templates(caller: AdminCaller) -> Sequence[TemplateView]:
    """Lists every mail with its category, languages and versions."""
    return [
        TemplateView(
            name=kind,
            category=category_of(kind),
            is_optional=category_of(kind).is_optional,
            versions=_templates().versions(kind),
        )
        for kind in NotificationKind
    ]


@router.get("/{name}/preview")
async def preview(
    name: NotificationKind,
    caller: AdminCaller,
    locale: Annotated[
        str, Query(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$", description="BCP 47, such as de-AT.")
    ] = "en",
) -> PreviewView:
    """Renders a mail with sample data, in the language of the locale or in English."""
    email = _templates().compose(name, SAMPLES, locale)
    return PreviewView(subject=email.subject, text=email.text, html=email.html)


@cache
def _templates() -> JinjaEmailTemplates:
    return JinjaEmailTemplates()
