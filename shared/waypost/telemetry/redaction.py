"""Removes personal and secret data from logs: e-mail addresses, tokens, passwords, card numbers."""

import re
from collections.abc import Mapping, MutableMapping
from functools import lru_cache
from typing import Any
from uuid import UUID

from waypost.telemetry.names import REDACTED

_SECRET_WORDS = frozenset(
    {"email", "emails", "token", "tokens", "password", "passwords", "secret", "secrets", "card", "cards", "pan", "cvc"}
    | {"authorization", "cookie", "dsn"}
)
_WORD = re.compile(r"[a-z0-9]+")

_EMAIL = re.compile(r"[^\s@<>\"'(),;:=\[\]{}]+@[^\s@<>\"'(),;:=\[\]{}]+\.[^\s@<>\"'(),;:=\[\]{}]+")
_PASSWORD_IN_URL = re.compile(r"(?<=://)[^\s/@:]*:[^\s/@]*(?=@)")
_JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*")
_ROW_VALUES = re.compile(
    r"(?<=DETAIL:).+?(?=(?:\\n|\n)+(?:(?:HINT|CONTEXT|QUERY|STATEMENT|LOCATION|WHERE):|\[SQL: |\[parameters: "
    r"|The above exception was|During handling of|Traceback \()|\Z)",
    re.DOTALL,
)
"""PostgreSQL names the values of the row: `DETAIL:  Key (email)=(…) already exists.` A value may
have several lines, so that the detail ends at the next field of the error.
"""
_CARD_DIGITS = 13
"""The smallest number of digits of a card."""
_CARD = re.compile(r"(?<!\d\.)(?<![\w-])(?:\d[ -]?){12,18}\d(?![\w-])")  # not the decimals of a number


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: replaces values whose name marks them as secret, and secret parts of
    other texts.
    """
    for name, value in event.items():
        event[name] = REDACTED if is_secret(name) else _clean(value)
    return event


def clean(text: str) -> str:
    """The text without e-mail addresses, tokens, passwords in URLs, card numbers, and values of
    rows in an error of PostgreSQL.
    """
    if "DETAIL:" in text:
        text = _ROW_VALUES.sub(f"  {REDACTED}", text)
    if "@" in text:
        text = _EMAIL.sub(REDACTED, _PASSWORD_IN_URL.sub(REDACTED, text))
    if "eyJ" in text:
        text = _JWT.sub(REDACTED, text)
    return _CARD.sub(REDACTED, text) if len(text) >= _CARD_DIGITS else text


@lru_cache(maxsize=4096)
def is_secret(name: str) -> bool:
    """Whether the name marks a secret, by whole words: `card_number` does, `discarded` does not."""
    return not _SECRET_WORDS.isdisjoint(_WORD.findall(name.lower()))


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        # orjson writes an id as a name only if it has exactly the standard library's class.
        return {
            str(name) if isinstance(name, UUID) else name: REDACTED if is_secret(str(name)) else _clean(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [_clean(element) for element in value]
    return value
