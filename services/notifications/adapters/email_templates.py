"""E-mail contents from Jinja templates: `templates/<kind>.txt`, whose first line is the subject,
and `templates/<kind>.html`. `templates/<language>/` holds the same in another language.

A mail without its own HTML has the paragraphs of its text. Every value of a template is one line
without links, except a `Link`, so that no name adds a line, a part or a link to a mail.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from jinja2 import (
    Environment,
    PackageLoader,
    StrictUndefined,
    TemplateError,
    TemplateNotFound,
    pass_context,
    select_autoescape,
)
from jinja2.runtime import Context
from markupsafe import Markup

from services.notifications.adapters.mail_locale import (
    DEFAULT_LOCALE,
    GREETINGS,
    LANGUAGES,
    day,
    language_of,
    money,
    percentage,
)
from services.notifications.domain import NotificationKind
from services.notifications.ports import EmailContent, Link
from waypost.kernel.errors import Permanent
from waypost.kernel.text import one_line, unlinked

_PARAGRAPHS = "paragraphs.html"
_INVISIBLE = "–"
"""A stored company name without a visible character."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Files:
    """The templates of a kind in one language. `html` is None if the HTML follows from the text."""

    text: str
    html: str | None


class JinjaEmailTemplates:
    """Implements `services.notifications.ports.EmailTemplates`. A missing variable raises an error,
    so a mail never has a gap.
    """

    def __init__(self) -> None:
        self._templates = Environment(
            loader=PackageLoader(__package__),
            autoescape=select_autoescape(("html",), default=False),
            undefined=StrictUndefined,
            finalize=_as_data,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        self._templates.filters.update(money=_money, day=_day, percentage=_percentage)

    def compose(
        self, kind: NotificationKind, words: Mapping[str, object], locale: str = DEFAULT_LOCALE
    ) -> EmailContent:
        language = language_of(locale)
        files = self._files(kind, language)
        words = dict(words)
        name = one_line(str(words.pop("name", "")))
        lines = {
            **words,
            "company": one_line(str(words.get("company", ""))) or _INVISIBLE,
            "greeting": GREETINGS[language].of(name),
            "language": language,
            "locale": locale,
        }
        try:
            text = self._templates.get_template(files.text).render(lines)
            subject, _, body = text.partition("\n")
            body = body.lstrip("\n")
            html = (
                self._templates.get_template(files.html).render(lines) if files.html else self._paragraphs(body, lines)
            )
        except (TemplateError, ValueError) as error:
            raise Permanent(f"the e-mail {kind} cannot be rendered: {error}") from error
        return EmailContent(subject=subject.strip(), text=body, html=html)

    def versions(self, kind: NotificationKind) -> Mapping[str, str]:
        """The version of the mail's templates by language: 12 digits of a hash of their text."""
        return {language: self._version(kind, language) for language in LANGUAGES if self._is_own(kind, language)}

    def _is_own(self, kind: NotificationKind, language: str) -> bool:
        return language == DEFAULT_LOCALE or self._files(kind, language).text.startswith(f"{language}/")

    def _version(self, kind: NotificationKind, language: str) -> str:
        files = self._files(kind, language)
        sources = "\0".join(self._source(file) or "" for file in (files.text, files.html or _PARAGRAPHS))
        return hashlib.sha256(sources.encode()).hexdigest()[:12]

    def _files(self, kind: NotificationKind, language: str) -> _Files:
        """In the language, or in the default language if the mail is not translated."""
        folder = f"{language}/" if self._source(f"{language}/{kind}.txt") is not None else ""
        html = f"{folder}{kind}.html"
        return _Files(text=f"{folder}{kind}.txt", html=html if self._source(html) is not None else None)

    @cache  # noqa: B019 - lives as long as its process
    def _source(self, file: str) -> str | None:
        loader = self._templates.loader
        try:
            return loader.get_source(self._templates, file)[0] if loader else None
        except TemplateNotFound:
            return None

    def _paragraphs(self, body: str, words: Mapping[str, object]) -> str:
        links = {str(word) for word in words.values() if isinstance(word, Link)}
        paragraphs = [
            [Link(line) if line in links else line for line in paragraph.split("\n") if line.strip()]
            for paragraph in body.split("\n\n")
        ]
        given = {**words, "paragraphs": [each for each in paragraphs if each], "links": links}
        return self._templates.get_template(_PARAGRAPHS).render(given)


def _as_data(value: object) -> object:
    """A value as it is inserted into a mail. Also holds for names that were stored before names
    were validated.
    """
    if isinstance(value, str) and not isinstance(value, Markup | Link):
        return unlinked(one_line(value))
    return value


@pass_context
def _money(context: Context, amount_minor: int, currency: str) -> str:
    return money(amount_minor, currency, str(context["locale"]))


@pass_context
def _percentage(context: Context, ppm: int) -> str:
    return percentage(ppm, str(context["locale"]))


@pass_context
def _day(context: Context, moment: object) -> str:
    return day(moment, str(context["locale"]))
