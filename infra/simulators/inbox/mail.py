"""Parses a mail from its bytes. Any bytes may arrive by SMTP, so nothing here raises: undecodable
parts are shown as received.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message

PREVIEW_CHARACTERS = 140


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    filename: str
    content_type: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    headers: tuple[tuple[str, str], ...]
    text: str | None
    html: str | None
    attachments: tuple[Attachment, ...]

    def header(self, name: str) -> str:
        """The first header of that name, case-insensitive; empty if it is missing."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    @property
    def preview(self) -> str:
        return " ".join((self.text or "").split())[:PREVIEW_CHARACTERS]


def read_mail(raw: bytes) -> Mail:
    # The compat32 policy: the newer ones parse header values when they are read and raise on
    # malformed ones.
    message = message_from_bytes(raw)
    leaves = [part for part in message.walk() if not part.is_multipart()]
    bodies = [part for part in leaves if not _is_attachment(part)]
    return Mail(
        headers=tuple((name, _decoded(value)) for name, value in message.items()),
        text=_first_body(bodies, "text/plain"),
        html=_first_body(bodies, "text/html"),
        attachments=tuple(_attachments(leaves)),
    )


def _is_attachment(part: Message) -> bool:
    return part.get_content_disposition() == "attachment" or part.get_content_maintype() != "text"


def _first_body(parts: list[Message], content_type: str) -> str | None:
    return next((_text(part) for part in parts if part.get_content_type() == content_type), None)


def _attachments(parts: list[Message]) -> Iterator[Attachment]:
    for part in parts:
        if _is_attachment(part):
            yield Attachment(
                filename=_decoded(part.get_filename("unnamed")),
                content_type=part.get_content_type(),
                size_bytes=len(_content(part)),
            )


def _decoded(value: object) -> str:
    try:
        decoded = str(make_header(decode_header(str(value))))
    except (LookupError, ValueError, MessageError):
        decoded = str(value)
    # Unfolds lines; surrogates that represent undecodable bytes cannot be stored or sent as UTF-8.
    return " ".join(decoded.split()).encode(errors="replace").decode()


def _content(part: Message) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _text(part: Message) -> str:
    try:
        return _content(part).decode(part.get_content_charset("utf-8"), errors="replace")
    except (LookupError, ValueError):
        return _content(part).decode(errors="replace")
