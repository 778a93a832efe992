"""Headers of mails that are written as they are. The standard library's classes parse a value, and
decode what it holds.

A name such as `=?utf-8?q?=0D=0ABcc=3A_…?=` became headers of its own in this way (CVE-2024-6923).
Here text goes one way only: plain ASCII stands as it is, and all other text, encoded words among
it, is encoded.
"""

import re
from email.charset import BASE64, Charset
from email.header import Header
from email.headerregistry import BaseHeader, HeaderRegistry
from email.policy import Policy, default
from email.utils import formataddr
from typing import Any

from waypost.kernel.text import one_line

_PLAIN = re.compile(r"[ -~]*")
_LINE_CHARACTERS = 76  # of a line with an encoded word (RFC 2047, section 2)
_WORD_CHARACTERS = 64  # so that one fits behind the name of its header

_UTF_8 = Charset("utf-8")
_UTF_8.header_encoding = BASE64  # the one of the two encodings that may stand in a name as well (RFC 2047, section 5)


class _VerbatimHeader(BaseHeader):
    """Nothing reads the value, and nothing in it is decoded."""

    max_count = 1

    @classmethod
    def parse(cls, value: str, kwds: dict[str, Any]) -> None:
        kwds.update(parse_tree=None, decoded=value)

    def fold(self, *, policy: Policy) -> str:
        """A line ends at a space. A long word, such as a link, stays whole: nobody looks for one in
        two lines (RFC 2369, section 2).
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
"""For messages whose `To`, `Subject` and `List-Unsubscribe` come from here."""


def encoded(text: str) -> str:
    """One line of any text as a header may hold it; reading it gives the same text again, decoded
    once.
    """
    line = one_line(text)
    if _is_plain(line):
        return line
    return Header(line, _UTF_8, maxlinelen=_WORD_CHARACTERS).encode(linesep="")


def mailbox(name: str, address: str) -> str:
    """`name-addr` (RFC 5322, section 3.4), or the address alone where the name has nothing to see."""
    line = one_line(name)
    if not line:
        return address
    return formataddr((line, address)) if _is_plain(line) else f"{encoded(line)} <{address}>"


def _is_plain(line: str) -> bool:
    return _PLAIN.fullmatch(line) is not None and "=?" not in line
