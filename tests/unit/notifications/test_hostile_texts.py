"""Text of users in every mail: it adds no line, no markup and no link."""

import re
from collections.abc import Mapping
from html.parser import HTMLParser

import pytest

from services.notifications.adapters.email_templates import JinjaEmailTemplates
from services.notifications.adapters.mail_locale import LANGUAGES
from services.notifications.adapters.template_samples import SAMPLES
from services.notifications.domain import NotificationKind
from services.notifications.ports import EmailContent, Link
from tests.fixtures.names import HOSTILE_TEXTS

TEMPLATES = JinjaEmailTemplates()
LINKABLE = re.compile(r"(?:[a-z]+:/|www\.|[\w-]+@[\w-]|[a-z0-9-]+\.[a-z]{2,})", re.IGNORECASE)
"""The patterns that mail programs turn into a link: a scheme, a host or an address."""
OURS = [str(value) for value in SAMPLES.values() if isinstance(value, Link)]
FREE_TEXT = ("name", "company", "plan", "previous_plan", "reason", "role", "previous_role", "interval", "method")


@pytest.mark.parametrize("text", HOSTILE_TEXTS.values(), ids=HOSTILE_TEXTS.keys())
@pytest.mark.parametrize("kind", NotificationKind)
def test_hostile_text_is_only_text_in_each_mail(kind: NotificationKind, text: str) -> None:
    for language in LANGUAGES:
        hostile, benign = (TEMPLATES.compose(kind, _words(value), language) for value in (text, "Ada"))
        assert len(hostile.subject.splitlines()) <= 1, language
        assert len(hostile.text.splitlines()) == len(benign.text.splitlines()), language
        assert len(hostile.html.splitlines()) == len(benign.html.splitlines()), language
        assert _tags(hostile) == _tags(benign), language
        assert not LINKABLE.search(_without_our_links(hostile.subject)), language
        assert not LINKABLE.search(_without_our_links(hostile.text)), language
        assert not LINKABLE.search(_without_our_links(_shown(hostile))), language


def test_every_link_of_a_mail_is_our_link() -> None:
    for kind in NotificationKind:
        for language in LANGUAGES:
            for tag, attributes in _tags(TEMPLATES.compose(kind, _words("Ada"), language)):
                if tag == "a":
                    assert dict(attributes)["href"] in OURS, (kind, language)


def _words(text: str) -> Mapping[str, object]:
    """The samples with this text as every value that is text and not one of our links."""
    assert set(FREE_TEXT) <= SAMPLES.keys()
    line = {"description": text, "quantity": 1, "amount_minor": 100, "currency": "EUR"}
    tax = {"name": text, "ppm": 190_000, "tax_minor": 16, "currency": "EUR"}
    return {**SAMPLES, **dict.fromkeys(FREE_TEXT, text), "lines": [line], "taxes": [tax]}


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def _tags(email: EmailContent) -> list[tuple[str, tuple[tuple[str, str | None], ...]]]:
    parser = _Tags()
    parser.feed(email.html)
    return parser.tags


def _shown(email: EmailContent) -> str:
    parser = _Tags()
    parser.feed(email.html)
    return parser.text


def _without_our_links(text: str) -> str:
    for link in OURS:
        text = text.replace(link, "")
    return text
