"""E-mail headers that are written without parsing. The standard library's classes parse a value and
decode it.

In this way a name such as `=?utf-8?q?=0D=0ABcc=3A_…?=` injected headers (CVE-2024-6923). This
module only encodes: plain ASCII is written unchanged, and all other text, also encoded words, is
encoded.
"""

import re
from email.charset import BASE64, Charset
from email.header import Header
from email.headerregistry import BaseHeader, HeaderRegistry
from email.policy import Policy, default
from email.utils import quote
from typing import Any

from waypost.kernel.text import one_line

_PLAIN = re.compile(r"[ -~]*")
_LINE_CHARACTERS = 76  # length of a line with an encoded word (RFC 2047, section 2)
_WORD_CHARACTERS = 64  # so that a word fits behind the name of its header

_UTF_8 = Charset("utf-8")
_UTF_8.header_encoding = BASE64  # the encoding that is also allowed in a display name (RFC 2047, section 5)


class _VerbatimHeader(BaseHeader):
    """A header whose value is neither parsed nor decoded."""

    max_count = 1

    @classmethod
    def parse(cls, value: str, kwds: dict[str, Any]) -> None:
        kwds.update(parse_tree=None, decoded=value)

    def fold(self, *, policy: Policy) -> str:
        """Breaks lines at spaces. A long word, such as a link, stays on one line: clients do not
        join it again (RFC 2369, section 2).
        """
        start = f"{self.name}:"
        lines = [start]
        for word in self.split(" "):
            if lines[-1] != start and len(lines[-1]) + len(word) >= _LINE_CHARACTERS:
                lines.append("")
            lines[-1] += f" {word}"
        return policy.linesep.join(lines) + policy.linesep


_HEADERS = HeaderRegistry()
for _name in ("to", "subject", "list-unsubscribe"):
    _HEADERS.map_to_type(_name, _VerbatimHeader)

POLICY = default.clone(header_factory=_HEADERS)
"""Policy of messages whose `To`, `Subject` and `List-Unsubscribe` values this module encodes."""


def encoded(text: str) -> str:
    """One line of text as a header value. Decoding it once returns the same text."""
    line = one_line(text)
    if _is_plain(line):
        return line
    return Header(line, _UTF_8, maxlinelen=_WORD_CHARACTERS).encode(linesep="")


def mailbox(name: str, address: str) -> str:
    """`name-addr` (RFC 5322, section 3.4), or only the address if the name has no visible
    characters.
    """
    line = one_line(name)
    if not line:
        return address
    # `formataddr` refuses an address with a non-ASCII local part (RFC 6531).
    phrase = f'"{quote(line)}"' if _is_plain(line) else encoded(line)
    return f"{phrase} <{address}>"


def _is_plain(line: str) -> bool:
    return _PLAIN.fullmatch(line) is not None and "=?" not in line
