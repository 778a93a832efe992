"""E-mail contents from Jinja templates: `templates/<kind>.txt`, whose first line is the subject,
and `templates/<kind>.html`.
"""

from collections.abc import Mapping
from datetime import datetime

from jinja2 import Environment, PackageLoader, StrictUndefined, TemplateError, select_autoescape

from services.notifications.domain import NotificationKind
from services.notifications.ports import EmailContent
from waypost.kernel.errors import Permanent
from waypost.kernel.money import Money
from waypost.kernel.text import one_line


class JinjaEmailTemplates:
    """Implements `services.notifications.ports.EmailTemplates`. A missing variable raises an error,
    so a mail never has a gap.
    """

    def __init__(self) -> None:
        self._templates = Environment(
            loader=PackageLoader(__package__),
            autoescape=select_autoescape(("html",), default=False),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        self._templates.filters.update(money=money, day=day)

    def compose(self, kind: NotificationKind, words: Mapping[str, object]) -> EmailContent:
        # A value cannot add lines to a mail. This also holds for names that were stored before
        # names were validated.
        lines = {name: one_line(word) if isinstance(word, str) else word for name, word in words.items()}
        try:
            text = self._templates.get_template(f"{kind}.txt").render(lines)
            html = self._templates.get_template(f"{kind}.html").render(lines)
        except TemplateError as error:
            raise Permanent(f"the e-mail {kind} cannot be rendered: {error}") from error
        subject, _, body = text.partition("\n")
        return EmailContent(subject=subject.strip(), text=body.lstrip("\n"), html=html)


def money(amount_minor: int, currency: str) -> str:
    return str(Money(amount_minor, currency))


def day(moment: datetime | str) -> str:
    """A datetime, or an ISO 8601 string, as a UTC day: `25 November 2026`."""
    at = moment if isinstance(moment, datetime) else datetime.fromisoformat(moment)
    return f"{at.day} {at:%B %Y}"
